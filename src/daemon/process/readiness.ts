/**
 * How a starting daemon reports: a line on stdout, and JSON on a pipe to the process that started
 * it.
 */
import { closeSync, write, writeSync } from 'node:fs'
import type { NodeStatus } from '../../node/node.ts'
import type { Problem } from '../api/api.ts'

/** Environment variable with the file descriptor of the pipe. */
export const READY_FD_VARIABLE = 'DSTORE_READY_FD'

/** The message on the pipe: the path of the socket, or the reason that the daemon did not start. */
export type Readiness =
  | { readonly ready: true; readonly socket: string }
  | { readonly ready: false; readonly problem: Problem }

/** The line on stdout: role, addresses, and whether values are kept (R007-8). */
export function readyLine(
  { role, listen, peerId, store, set }: NodeStatus,
  socket: string,
): string {
  // A member of a set that is not active has no addresses yet.
  if (set !== undefined && peerId === undefined) return `dstore ready standby ${socket}`
  const addresses =
    role === 'global'
      ? listen.map((address) => (address.includes('/p2p/') ? address : `${address}/p2p/${peerId}`))
      : [socket]
  const warning = store?.durable === false ? ' (memory: nothing is kept)' : ''
  return `dstore ready ${[role, ...addresses].join(' ')}${warning}`
}

/** What a starting daemon does at the moment, for people, while its starter waits. */
export interface StartStep {
  readonly doing: string
}

let pipe: number | undefined
/** A step is being written: a starter that was stopped may not read for long. */
let isWriting = false
/** What follows the step that is being written. */
let last: Readiness | undefined

/** The pipe, where one waits at its other end. */
function pipeToParent(): number | undefined {
  const given = process.env[READY_FD_VARIABLE]
  if (given === undefined) return pipe
  // Once closed, the descriptor may become that of another file.
  delete process.env[READY_FD_VARIABLE]
  const fd = Number(given)
  return (pipe = Number.isInteger(fd) && fd >= 3 ? fd : undefined)
}

/** Tells the starter what goes on, unless it has not read yet what was said before. */
export function tellParent(step: StartStep): void {
  const fd = pipeToParent()
  if (fd === undefined || isWriting || last !== undefined) return
  isWriting = true
  write(fd, `${JSON.stringify(step)}\n`, () => {
    isWriting = false
    if (last !== undefined) end(fd, last)
  })
}

/** Reports to the process that started this one, if any waits: once. */
export function notifyParent(readiness: Readiness): void {
  const fd = pipeToParent()
  if (fd === undefined || last !== undefined) return
  last = readiness
  if (!isWriting) end(fd, readiness)
}

function end(fd: number, readiness: Readiness): void {
  pipe = undefined
  last = undefined
  try {
    writeSync(fd, `${JSON.stringify(readiness)}\n`)
    closeSync(fd)
  } catch {
    // The parent no longer waits, which does not concern the daemon.
  }
}
