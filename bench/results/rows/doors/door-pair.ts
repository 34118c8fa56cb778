/** Global and a Local with open doors, and how many requests these answered. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Daemon, Pair } from '../../bench.ts'

export interface DoorPair extends Pair {
  /** Of the Local, without a slash at its end. */
  readonly url: string
  readonly token: string
  /** How many requests the doors of the Local have answered. */
  readonly requests: () => Promise<number>
}

const DOORS = 'cache,hf,ipfs'

/** The Local holds in memory whatever the rows put. */
export function doorPair(bench: Bench): Promise<DoorPair> {
  return bench.shared('doors', async () => {
    const global = await bench.daemon(['--global'])
    const ticket = (await bench.run(global, 'invite')).trim()
    const http = `127.0.0.1:${await bench.freePort()}`
    const flags = ['--join', ticket, '--cache', '2GiB', '--http', http, '--door', DOORS]
    const local = await bench.daemon(flags)
    const token = tokenOf(local)
    const url = `http://${http}`
    return { global, local, url, token, requests: () => doorRequests(url, token) }
  })
}

const tokenOf = ({ dir }: Daemon): string => readFileSync(join(dir, 'http-token'), 'utf8').trim()

async function doorRequests(url: string, token: string): Promise<number> {
  const headers = { Authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/metrics`, { headers })
  if (!response.ok) throw new Error(`the metrics were refused: ${response.status}`)
  const counts = (await response.text()).matchAll(/^dstore_door_requests_total\{.*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}
