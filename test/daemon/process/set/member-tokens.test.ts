import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { stateDirectory } from '../../../../src/daemon/config/state-directory.ts'
import { TokenTable } from '../../../../src/daemon/config/tokens/token-table.ts'
import type { MemberNode } from '../../../../src/daemon/process/set/member-node.ts'
import { nodeOf } from '../../../../src/daemon/process/set/start-member.ts'
import { createMemoryJournal } from '../../../journal/memory-journal.ts'
import { SILENT } from '../../../../src/log.ts'
import { openNode } from '../../../../src/node/open.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'
import { eventually } from '../../../eventually.ts'
import { member as setMember } from '../../../set/members.ts'
import { temporaryDirectory } from '../../serving.ts'
import { test } from '../../../serial.ts'

type Common = Pick<Parameters<typeof setMember>[0], 'directory' | 'journal' | 'bucket'>

interface WithTokens {
  readonly node: MemberNode
  readonly tokens: TokenTable
  /** Of a token in its file before it was a member. */
  readonly stale: string
}

async function memberIn(t: ExecutionContext, common: Common, name: string): Promise<WithTokens> {
  const directory = stateDirectory(join(common.directory, name))
  mkdirSync(directory.path)
  const { token: stale } = await new TokenTable(directory.tokens).add({ label: 'stale' })
  const tokens = new TokenTable(directory.tokens)
  const node = nodeOf(setMember({ ...common, name }).set, {
    directory,
    settings: {},
    node: {
      dir: directory.path,
      role: 'global',
      store: 'disk',
      cacheBytes: 0,
      lanes: false,
      log: SILENT,
    },
    tokens,
    log: SILENT,
    openNode,
  })
  t.teardown(() => node.close())
  await node.start()
  return { node, tokens, stale }
}

test('R012-45 every member takes tokens from the rows of the set, and those of its own file do not count', async (t) => {
  t.timeout(60_000)
  const common = {
    directory: temporaryDirectory(t),
    journal: createMemoryJournal(),
    bucket: new MemoryBucket(),
  }
  const a = await memberIn(t, common, 'a')
  t.true(await eventually(async () => a.node.refusal === undefined))
  const b = await memberIn(t, common, 'b')
  t.is(b.node.refusal?.code, 'unreachable')
  for (const { tokens, stale } of [a, b]) t.is(tokens.find(stale), undefined)
  const knows = ({ tokens }: WithTokens, token: string, is: boolean): Promise<boolean> =>
    eventually(async () => (tokens.find(token) !== undefined) === is)

  const { token } = await a.tokens.add({ label: 'x', role: 'writer' })
  t.true(await knows(b, token, true))
  t.is(b.tokens.find(token)?.role, 'writer')
  await a.tokens.remove('x')
  t.is(a.tokens.find(token), undefined)
  t.true(await knows(b, token, false), 'revoked at a standby, too')

  const { token: kept } = await a.tokens.add({ label: 'y' })
  await a.node.stepDown()
  t.true(await eventually(async () => b.node.refusal === undefined))
  t.true(await knows(b, kept, true))
  for (const { tokens, stale } of [a, b]) t.is(tokens.find(stale), undefined)
  await b.tokens.remove('y')
  t.true(await knows(a, kept, false), 'one that was active follows again')
})
