/** How much of a large value a Global has on its way in. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Daemon } from '../e2e/nodes.ts'

/** Bytes of the value that Global has on its way in. */
export function arrived({ place }: Daemon): number {
  const values = join(place.state, 'store-v3', 'values')
  const part = readdirSync(values).find((name) => /^[0-9a-f]{64}\.part$/.test(name))
  return part === undefined ? 0 : statSync(join(values, part)).size
}
