/** A set, for people. */
import type { SetReport } from '../../src/node/global/set/set-report.ts'
import { sinceText, span, whenText } from '../wording.ts'
import { requestsText } from './archive-text.ts'
import {
  AHEAD_MS,
  BEHIND_MS,
  type SetMemberView,
  activeOf,
  membersOf,
  nameIn,
} from './set-members.ts'
import { plural } from './terminal.ts'

/** What `set status` prints as JSON: `active` is an id, since names need not differ. */
export function setDocument(report: SetReport): object {
  const members = membersOf(report)
  return { ...report, active: activeOf(members)?.id, members }
}

/** A line for each fact, and for each member; with the clock `now`, ages for times (R007-448). */
export function setText(report: SetReport, now?: number): string {
  const members = membersOf(report)
  const { bucket, snapshot, requests, error, errorAt, bucketError, bucketErrorSince } = report
  const taken =
    snapshot === undefined
      ? 'NO SNAPSHOT YET'
      : `snapshot of entry ${snapshot.position}, ${whenText('of', snapshot.at, now)}`
  const fault = error && `${error}, ${whenText('at', errorAt!, now)}`
  const away = bucketErrorSince && sinceText(bucketErrorSince, now)
  const facts: [name: string, value: string | undefined][] = [
    ['active', activeText(report, members, now)],
    ['engine', engineText(report)],
    ['bucket', `${bucket}: ${taken}`],
    ['bucket away', bucketError && `${bucketError}, ${away}`],
    ['requests', `${requestsText(requests)}, since the start`],
    ['last fault', fault],
    ...members.map((member): [string, string] => ['member', memberText(member, members)]),
  ]
  return facts
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(14)}${value}`)
    .join('\n')
}

/** What `status` says of the set of this member. */
export function ownSetText(report: SetReport, now?: number): string {
  return `${report.state}; the active member is ${activeText(report, membersOf(report), now)}`
}

function activeText(
  { epoch, epochAt }: SetReport,
  members: readonly SetMemberView[],
  now: number | undefined,
): string {
  const active = activeOf(members)
  const since = active === undefined ? epochAt : active.since
  const when = `epoch ${epoch}${since === undefined ? '' : `, ${sinceText(since, now)}`}`
  if (active === undefined) {
    const isNew = epochAt !== undefined && members.some(isPast)
    return `${isNew ? 'ANOTHER ONE, which has not said so yet' : 'NONE that is known here'}, ${when}`
  }
  const paused = active.state === 'paused' ? ', PAUSED until the engine answers' : ''
  return `${nameIn(members, active)}, ${when}${paused}`
}

function engineText({ engine, end, engineSilentMs }: SetReport): string {
  if (end === undefined) return `${engine}: NO ANSWER YET`
  return `${engine}: entry ${end}, answered ${span(engineSilentMs)} ago`
}

/** Does it still say that it is active, though another member has begun since? */
const isPast = ({ state, answers }: SetMemberView): boolean =>
  (state === 'active' || state === 'paused') && !answers

function clockText({ aheadMs }: SetMemberView): string {
  if (aheadMs >= AHEAD_MS) return `, its clock is ${span(aheadMs)} ahead`
  return aheadMs <= -BEHIND_MS ? `, its clock is ${span(-aheadMs)} behind` : ''
}

/** `build-1  standby at entry 51, 3 entries behind, said so 2s ago, version 0.2.0, /ip4/...` */
function memberText(member: SetMemberView, members: readonly SetMemberView[]): string {
  const { lag, agoMs, isOwn, silent, version, position, addresses } = member
  const state = isPast(member) ? 'was active' : member.state
  const behind = lag === undefined || lag === 0 ? '' : `, ${plural(lag, 'entry')} behind`
  const clock = clockText(member)
  const said = isOwn ? 'this one' : `${silent ? 'SILENT, ' : ''}said so ${span(agoMs)} ago${clock}`
  const facts = `${state} at entry ${position}${behind}, ${said}, version ${version}`
  return [`${nameIn(members, member)}  ${facts}`, ...addresses].join(', ')
}
