/** The client of PostgreSQL. */
import type { Client, ClientConfig } from 'pg'
import { loadPackage } from '../engine/packages.ts'

/** What of the package is used. */
export interface Postgres {
  readonly Client: new (config: ClientConfig) => Client
}

export const loadPostgres = (): Promise<Postgres> =>
  loadPackage('pg', async () => {
    // Of a CommonJS module, only some names are seen from outside.
    const { default: pg } = await import('pg')
    return pg
  })
