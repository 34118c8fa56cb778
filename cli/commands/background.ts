/** `start`, `stop`, `status`, `logs`: the node in the background of this state directory. */
import { DstoreError } from '../../src/errors.ts'
import { readyLine } from '../../src/daemon/ready-line.ts'
import type { Invocation } from '../invocation.ts'
import { nodeParameters } from '../node-flags.ts'
import { findDaemon, noDaemon, place, startDaemon } from '../session.ts'
import { statusText } from '../status-text.ts'
import { showLog } from '../show-log.ts'

export async function start(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const parameters = nodeParameters(flags)
  const running = await findDaemon(invocation)
  if (running === undefined) await startDaemon(invocation, parameters)
  else if (parameters.length > 0) {
    throw new DstoreError('locked', 'a daemon is running already, with the flags of its start', {
      hint: 'end it with `dstore stop`, then start it with these',
    })
  }
  const client = running ?? (await findDaemon(invocation))
  if (client === undefined) throw noDaemon(place(flags).directory)
  const found = await client.status()
  await terminal.printFact(found, readyLine(found, found.daemon.socket))
  return 0
}

export async function stop(invocation: Invocation): Promise<number> {
  const client = await findDaemon(invocation)
  if (client === undefined) invocation.terminal.note('no daemon is running')
  else await client.stop()
  return 0
}

export async function status(invocation: Invocation): Promise<number> {
  const client = await findDaemon(invocation)
  if (client === undefined) throw noDaemon(place(invocation.flags).directory)
  const found = await client.status()
  await invocation.terminal.printFact(found, statusText(found))
  return 0
}

export async function logs({ flags, terminal, signal }: Invocation): Promise<number> {
  const { log } = place(flags).directory
  await showLog(log, flags.follow === true, terminal, signal)
  return 0
}
