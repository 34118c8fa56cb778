/**
 * What to do next: notes of `start`, `join` and `invite` on stderr. Each command in them
 * works as it stands, for the same state directory (R007-163).
 */
import type { InviteAnswer, StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Settings } from '../../src/daemon/config/settings.ts'
import { isLoopbackAddress } from '../../src/membership/loopback.ts'
import type { Role } from '../../src/node/node-status.ts'
import type { Flags } from '../flags.ts'
import { plural } from './terminal.ts'

/** Where a Global listens for other machines: its registered port, and all of its addresses. */
const EVERYWHERE = '/ip4/0.0.0.0/tcp/4480'

const ADDRESS = /^\/(ip[46])\/([^/]+)\/tcp\/(\d+)/

/** After a start of a Global: who can join it, and how (R007-159). */
export function afterGlobalStart({ listen, lanePort, set }: StatusAnswer, flags: Flags): string[] {
  const here = dirFlag(flags)
  if (set !== undefined && set.state !== 'active') {
    return [`this member is ${set.state}; \`dstore set status${here}\` shows which one is active`]
  }
  const invite = `next: \`dstore invite${here} -o ticket\` makes a ticket`
  const outside = listen.filter((address) => !isLoopbackAddress(address))
  if (outside.length === 0) {
    return [
      `listening only on loopback, so no other machine can join; ${remedy(here)}`,
      `${invite}; \`dstore join --dir DIR @ticket\` starts a Local here`,
    ]
  }
  const ports = new Set(outside.map((address) => Number(ADDRESS.exec(address)![3])))
  if (lanePort !== undefined) ports.add(lanePort)
  return [
    `listening on ${outside.map(hostAndPort).join(', ')}; ` +
      `a firewall must let TCP ${inWords([...ports])} through`,
    `${invite}; on the other machine, \`dstore join @ticket\``,
  ]
}

/** After a start of a Local: where it found Global, or that it goes on looking (R007-162). */
export function afterLocalStart({ global }: StatusAnswer, flags: Flags): string[] {
  if (global === undefined) return []
  const here = dirFlag(flags)
  if (global.state === 'away') {
    const why = global.error === undefined ? '' : ` (${global.error})`
    return [
      `Global cannot be reached yet${why}; this node keeps trying, see \`dstore status${here}\``,
    ]
  }
  if (flags.join === undefined) return []
  const at = global.address === undefined ? '' : ` at ${hostAndPort(global.address)}`
  return [
    `joined Global${at}; next: \`dstore put${here} FILE\` prints a key, ` +
      `with which \`dstore get KEY\` works at every member`,
  ]
}

/** A start in another role leaves a membership, which the next join takes up again (R007-158). */
export function wasLocal({ join = [] }: Pick<Settings, 'join'>, flags: Flags): string {
  const here = dirFlag(flags)
  const to = join[0] === undefined ? 'TICKET' : join.join(',')
  return `this node was a Local; to go back: dstore stop${here}; dstore join${here} ${to}`
}

/**
 * What a ticket is for, and where it works (R007-160). `role` is that of the node that was asked:
 * only Global itself can be started with other addresses.
 */
export function afterInvite(
  { uses, role, expiresAt, loopbackOnly }: InviteAnswer,
  asked: Role,
  { output, dir }: Flags,
): string[] {
  const terms = `for ${plural(uses, 'node')} as ${role}, until ${expiresAt}`
  const note =
    output === undefined
      ? `${terms}; use it with \`dstore join\` there`
      : `wrote ${output}: a ticket ${terms}; keep it secret`
  if (!loopbackOnly) return [note]
  const warning = 'warning: Global listens only on loopback, so this ticket works only there'
  const how = asked === 'global' ? remedy(dirFlag({ dir })) : `at Global, ${remedy('')}`
  return [note, `${warning}; ${how}`]
}

const remedy = (here: string): string =>
  `to change that: dstore stop${here}; dstore start${here} --global --listen ${EVERYWHERE}`

/** ` --dir DIR`, as a shell reads it, if the command was given one. */
export function dirFlag({ dir }: { readonly dir?: string | undefined }): string {
  if (dir === undefined) return ''
  const isPlain = /^[\w./+@%:=,-]+$/.test(dir)
  return ` --dir ${isPlain ? dir : `'${dir.replaceAll("'", String.raw`'\''`)}'`}`
}

/** `192.0.2.1:4480`, `[2001:db8::1]:4480`; any other address as it is. */
function hostAndPort(address: string): string {
  const [, family, host, port] = ADDRESS.exec(address) ?? []
  if (host === undefined) return address
  return family === 'ip6' ? `[${host}]:${port}` : `${host}:${port}`
}

/** `port 1`, `ports 1, 2 and 3`, in order. */
function inWords(ports: readonly number[]): string {
  const [last, ...others] = ports.toSorted((a, b) => b - a)
  return others.length === 0
    ? `port ${last}`
    : `ports ${others.toReversed().join(', ')} and ${last}`
}
