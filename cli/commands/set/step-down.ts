/** `set step-down`: another member becomes active, and this one stands by (R012-53, R012-54). */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../../../src/daemon/client/client.ts'
import { formatDuration, parseTimeout } from '../../../src/daemon/config/quantities.ts'
import { DstoreError, asDstoreError } from '../../../src/errors.ts'
import type { SetReport } from '../../../src/node/global/set/set-report.ts'
import type { Invocation } from '../../command.ts'
import { requireDaemon } from '../../session.ts'
import { activeOf, membersOf, nameIn, type SetMemberView } from '../../terminal/set-members.ts'

/** A take-over by another takes seconds; after 30 s this member may take over again. */
const WAIT_MS = 60_000
const LOOK_MS = 200

export async function stepDown(invocation: Invocation): Promise<number> {
  const { flags, terminal, signal } = invocation
  const timeout = flags.timeout ?? process.env['DSTORE_TIMEOUT']
  const waitMs = timeout ? parseTimeout(timeout) : WAIT_MS
  const client = await requireDaemon(invocation)
  const before = await client.set.status()
  checkMay(membersOf(before))
  const { epoch } = before
  await client.set.stepDown()
  const next = await terminal.withProgress('step-down', async (line) => {
    const end = performance.now() + waitMs
    for (let looks = 0; performance.now() < end; looks++) {
      if (looks > 0) await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)
      signal.throwIfAborted()
      const found = await lookAt(client)
      if (found !== undefined && found.epoch > epoch) return checkOther(found)
      line.say('stands by; no other member is active yet')
    }
    throw new DstoreError('timeout', `no other member became active in ${formatDuration(waitMs)}`, {
      hint: 'this one takes over again after 30s: see `dstore set status`',
    })
  })
  const active = activeOf(membersOf(next).filter(({ isOwn }) => !isOwn))
  const document = { epoch: next.epoch, ...(active !== undefined && { active: active.id }) }
  if (terminal.json) await terminal.print(JSON.stringify(document))
  else {
    const who = active === undefined ? 'another one' : nameIn(membersOf(next), active)
    terminal.note(`this member stands by; ${who} is active, in epoch ${next.epoch}`)
  }
  return 0
}

/** Throws `conflict` unless this member is active, and another one stands by. */
function checkMay(members: readonly SetMemberView[]): void {
  const [own, ...others] = members
  const active = activeOf(members)
  if (active?.isOwn !== true) {
    const who = active === undefined ? 'none is known to be' : `${nameIn(members, active)} is`
    throw new DstoreError('conflict', `this member is not active (${own!.state}): ${who}`, {
      hint: 'run `dstore set step-down` on the machine of the active member',
    })
  }
  const standbys = others.filter(({ state }) => state === 'standby')
  if (standbys.some(({ silent }) => !silent)) return
  if (standbys.length > 0) {
    const who = standbys.map((one) => nameIn(members, one)).join(', ')
    const message = `no other member that stands by has said something lately: ${who}`
    throw new DstoreError('conflict', message, {
      hint: 'start it again, and wait until `dstore set status` shows it as standby',
    })
  }
  throw new DstoreError('conflict', 'no other member stands by, so nothing would answer', {
    hint: 'start another member, and wait until `dstore set status` shows it as standby',
  })
}

/** Undefined while the daemon is busy changing its part. */
async function lookAt(client: Client): Promise<SetReport | undefined> {
  try {
    return await client.set.status()
  } catch (error) {
    const fault = asDstoreError(error)
    if (fault.code === 'timeout' || fault.code === 'busy') return undefined
    throw fault
  }
}

/** Throws `unreachable` if this member had to take over again. */
function checkOther(found: SetReport): SetReport {
  if (found.state === 'standby' || found.state === 'joining') return found
  throw new DstoreError('unreachable', 'no other member took over: this one is active again', {
    hint: '`dstore set status` shows what the others do; `dstore doctor` there tells more',
  })
}
