/** What `dstore hf publish` says of the ways to this node (R010-61). */
import type { StatusAnswer } from '../../../src/daemon/api/api.ts'

type Ways = { readonly daemon: Pick<StatusAnswer['daemon'], 'doors' | 'http'> }

/** Where clients reach this node; undefined if they do not. */
export function endpointIn({ daemon }: Ways): string | undefined {
  const isOpen = daemon.doors?.includes('/hf') === true
  return isOpen && daemon.http !== undefined ? `${daemon.http.url}/hf` : undefined
}

/** The lines that switch a client on, or what this node lacks for it. */
export function waysIn({ daemon }: Ways): readonly string[] {
  const endpoint = endpointIn({ daemon })
  if (endpoint === undefined) {
    const flags = [
      ...(daemon.doors?.includes('/hf') === true ? [] : ['--door hf']),
      ...(daemon.http === undefined ? ['--http HOST:PORT'] : []),
    ]
    return [`no client reaches it by this node: dstore stop; dstore start ${flags.join(' ')}`]
  }
  return [
    `export HF_ENDPOINT=${endpoint}`,
    ...(daemon.http?.public === true
      ? []
      : ['export HF_TOKEN=... (a token of a reader: dstore token add --role reader)']),
  ]
}
