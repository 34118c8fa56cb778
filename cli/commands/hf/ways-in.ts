/** What `dstore hf publish` says of the ways to this node (R010-61). */
import type { StatusAnswer } from '../../../src/daemon/api/api.ts'
import { flagOpening } from '../../../src/daemon/config/door-settings.ts'
import type { Flags } from '../../flags.ts'
import { dirFlag } from '../../terminal/next-steps.ts'

type Ways = { readonly daemon: Pick<StatusAnswer['daemon'], 'doors' | 'http'> }

/** Where clients reach this node; undefined if they do not. */
export function endpointIn({ daemon }: Ways): string | undefined {
  const isOpen = daemon.doors?.includes('/hf') === true
  return isOpen && daemon.http !== undefined ? `${daemon.http.url}/hf` : undefined
}

/** The lines that switch a client on, or what this node lacks for it. */
export function waysIn({ daemon }: Ways, asked: Flags = {}): readonly string[] {
  const here = dirFlag(asked)
  const endpoint = endpointIn({ daemon })
  if (endpoint === undefined) {
    const flags = [
      ...(daemon.doors?.includes('/hf') === true ? [] : [flagOpening('hf', daemon.doors)]),
      ...(daemon.http === undefined ? ['--http HOST:PORT'] : []),
    ]
    const start = `dstore start${here} ${flags.join(' ')}`
    return [`no client reaches it by this node: dstore stop${here}; ${start}`]
  }
  return [
    `export HF_ENDPOINT=${endpoint}`,
    ...(daemon.http?.public === true
      ? []
      : [`export HF_TOKEN=... (a token of a reader: dstore token add${here} --role reader)`]),
  ]
}
