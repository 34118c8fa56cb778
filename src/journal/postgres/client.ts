/** The client of PostgreSQL. */
import type { Client, ClientConfig } from 'pg'
import { loadPackage } from '../engine/packages.ts'

/** What of the package is used. */
export interface Postgres {
  readonly Client: new (config: ClientConfig) => Client
}

export const loadPostgres = (): Promise<Postgres> => loadPackage('pg')
