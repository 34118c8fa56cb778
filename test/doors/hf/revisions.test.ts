/** Which directory a revision is, and what its commit is called. */
import { test } from '../../serial.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { DstoreError } from '../../../src/errors.ts'
import { HF_HISTORIES, HF_REVISIONS } from '../../../src/limits.ts'
import type { NodeIndex, NodeLists } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import { jsonOf } from '../../daemon/http/tokens.ts'
import { putTree } from '../../node/put-tree.ts'
import { bytes, codeOf, hfServing, type HfServing } from './hf-serving.ts'

const MAIN = 'hf/acme/tiny@main'
const OLD = { f: bytes('old') }
const NEW = { f: bytes('new') }
const COMMIT = 'c'.repeat(40)

type Index = NodeIndex & NodeLists

/** The same node with some of its calls replaced. */
const replace = ({ node }: HfServing, calls: Partial<Index>): void =>
  void Object.assign(node.index, calls)

/** Counts calls from here on. */
function counted(serving: HfServing, ...names: readonly ('lookup' | 'names' | 'tagHistory')[]) {
  const counts: Record<string, number> = {}
  const { index } = serving.node
  for (const name of names) {
    counts[name] = 0
    const call = index[name].bind(index) as (...args: unknown[]) => unknown
    replace(serving, {
      [name]: (...args: unknown[]) => {
        counts[name]!++
        return call(...args)
      },
    })
  }
  return counts
}

const isCommitOf = async ({ get }: HfServing, revision: string): Promise<string> =>
  String(jsonOf(await get(`/api/models/acme/tiny/revision/${encodeURIComponent(revision)}`))['sha'])

test('R010-53 a commit leads to its directory by whatever name has it', async (t) => {
  const serving = await hfServing(t)
  const { get, publish } = serving
  const { commit } = await publish('hf/acme/tiny@feature/x', OLD)
  // Nobody has asked for the revision before.
  t.is((await get(`/acme/tiny/resolve/${commit}/f`)).body.toString(), 'old')
  t.is(await isCommitOf(serving, commit), commit)
  t.is(codeOf(await get(`/acme/other/resolve/${commit}/f`)), '404 RepoNotFound')
  const upper = commit.toUpperCase()
  const expected = upper === commit ? '200 -' : '404 RevisionNotFound'
  t.is(codeOf(await get(`/acme/tiny/resolve/${upper}/f`)), expected)
})

test('R010-53 a client goes on with the commit of a tag that has moved, while it is kept', async (t) => {
  const serving = await hfServing(t)
  const { get, node, publish } = serving
  const before = await publish(MAIN, OLD)
  t.is(await isCommitOf(serving, 'main'), before.commit)
  const after = await publish(MAIN, NEW)
  t.is(await isCommitOf(serving, 'main'), after.commit)
  t.is((await get(`/acme/tiny/resolve/${before.commit}/f`)).body.toString(), 'old')
  t.is((await get(`/acme/tiny/resolve/${after.commit}/f`)).body.toString(), 'new')
  t.is((await get('/acme/tiny/resolve/main/f')).body.toString(), 'new')
  // One that is not kept is gone: what its tag has now is not what the client means.
  const v2 = await publish('hf/acme/tiny@v2', { f: bytes('second') })
  t.is((await get(`/acme/tiny/resolve/${v2.commit}/f`)).status, 200)
  await putTree(node, { f: bytes('third') }, 'hf/acme/tiny@v2', { kind: 'tag', keepMs: 0 })
  await eventually(async () => {
    const gone = await get(`/acme/tiny/resolve/${v2.commit}/f`)
    return codeOf(gone) === '404 RevisionNotFound'
  })
  t.is((await get('/acme/tiny/resolve/v2/f')).body.toString(), 'third')
})

test('R010-53 a token with a prefix reaches an earlier commit no more than by the API', async (t) => {
  const { as, make, publish } = await hfServing(t)
  const { commit } = await publish(MAIN, { ...OLD, d: { e: { f: bytes('deep') } } })
  const call = as((await make({ role: 'reader', label: 'p', prefix: 'hf/acme/' })).token)
  t.is((await call('GET', `/hf/acme/tiny/resolve/${commit}/f`)).status, 200)
  t.is((await call('GET', `/hf/acme/tiny/resolve/${commit}/d/e/f`)).body.toString(), 'deep')
  t.is((await call('GET', '/hf/api/models/acme/tiny')).status, 200)
  await publish(MAIN, NEW)
  t.is((await call('GET', '/hf/acme/tiny/resolve/main/f')).body.toString(), 'new')
  t.is(codeOf(await call('GET', `/hf/acme/tiny/resolve/${commit}/f`)), '404 RevisionNotFound')
  t.is(codeOf(await call('GET', '/hf/acme/none/resolve/main/f')), '404 RepoNotFound')
})

test('R010-54 a name that is a commit says what its directory is called', async (t) => {
  const serving = await hfServing(t)
  const { get, head, publish } = serving
  const { commit } = await publish(MAIN, OLD)
  await publish(`hf/acme/tiny@${COMMIT}`, OLD)
  t.is(await isCommitOf(serving, 'main'), COMMIT)
  t.is(await isCommitOf(serving, COMMIT), COMMIT)
  t.is((await head('/acme/tiny/resolve/main/f')).headers['x-repo-commit'], COMMIT)
  t.is((await get(`/acme/tiny/resolve/${COMMIT}/f`)).body.toString(), 'old')
  // Both stay good.
  t.is(await isCommitOf(serving, commit), commit)
  t.like(jsonOf(await get('/api/models/acme/tiny/refs')), {
    branches: [{ name: 'main', ref: 'refs/heads/main', targetCommit: COMMIT }],
    tags: [],
  })
  // Of two, the last that was bound.
  await publish(MAIN, NEW)
  for (const digit of ['a', 'e', 'b']) {
    await sleep(5)
    await publish(`hf/acme/tiny@${digit.repeat(40)}`, NEW)
  }
  t.is(await isCommitOf(serving, 'main'), 'b'.repeat(40))
})

test('R010-54 a token that sees few names of a repository changes no answer to others', async (t) => {
  const serving = await hfServing(t)
  const { node, as, make, publish } = serving
  const revision = 'refs/pr/1'
  const { commit } = await publish(`hf/acme/tiny@${revision}`, OLD)
  const prefix = 'hf/acme/tiny@refs/'
  const few = as((await make({ role: 'reader', label: 'few', prefix })).token)
  const path = `/hf/api/models/acme/tiny/revision/${encodeURIComponent(revision)}`
  const key = (await node.index.lookup(`hf/acme/tiny@${revision}`))!.key
  await node.index.bind(`hf/acme/tiny@${COMMIT}`, key)
  t.is(jsonOf(await few('GET', path))['sha'], commit)
  t.is(await isCommitOf(serving, revision), COMMIT)
  t.is(jsonOf(await few('GET', path))['sha'], commit)
})

test('R010-54 with Global away, what was stated of held names stays good', async (t) => {
  const serving = await hfServing(t)
  const { get, node, publish } = serving
  const plain = await publish('hf/acme/tiny@v2', OLD)
  await publish(MAIN, NEW)
  await publish(`hf/acme/tiny@${COMMIT}`, NEW)
  t.is(await isCommitOf(serving, 'v2'), plain.commit)
  t.is(await isCommitOf(serving, 'main'), COMMIT)
  const lookup = node.index.lookup.bind(node.index)
  const away = new DstoreError('unreachable', 'Global is away')
  const other = await publish('hf/acme/other@main', OLD)
  const held = new Set(['hf/acme/other@main', MAIN, 'hf/acme/tiny@v2', `hf/acme/tiny@${COMMIT}`])
  replace(serving, {
    lookup: (name, options) =>
      held.has(name) && options?.fresh !== true ? lookup(name, options) : Promise.reject(away),
    // eslint-disable-next-line require-yield, @typescript-eslint/require-await
    async *names() {
      throw away
    },
    tagHistory: () => Promise.reject(away),
  })
  t.is(await isCommitOf(serving, 'main'), COMMIT)
  t.is(await isCommitOf(serving, 'v2'), plain.commit)
  t.is((await get(`/acme/tiny/resolve/${COMMIT}/f`)).body.toString(), 'new')
  t.is((await get(`/acme/tiny/resolve/${plain.commit}/f`)).body.toString(), 'old')
  // It was never asked for.
  t.is(jsonOf(await get('/api/models/acme/other'))['sha'], other.commit)
  t.is((await get(`/acme/other/resolve/${other.commit}/f`)).body.toString(), 'old')
  // What is missing in a held directory is missing.
  t.is(codeOf(await get('/acme/tiny/resolve/main/none')), '404 EntryNotFound')
  for (const path of ['/acme/tiny/resolve/v3/f', `/acme/tiny/resolve/${'0'.repeat(40)}/f`]) {
    const answer = await get(path)
    t.is(answer.status, 503, path)
    t.regex(String(answer.headers['x-error-message']), /^Global is away/)
  }
})

test('R010-53 files of a known commit cost one look-up each, and no list', async (t) => {
  const serving = await hfServing(t)
  const { get, publish } = serving
  const { commit } = await publish('hf/acme/tiny@v2', OLD)
  t.is(await isCommitOf(serving, 'v2'), commit)
  const counts = counted(serving, 'lookup', 'names', 'tagHistory')
  for (let i = 0; i < 10; i++) t.is((await get(`/acme/tiny/resolve/${commit}/f`)).status, 200)
  t.deepEqual(counts, { lookup: 10, names: 0, tagHistory: 0 })
})

test('R010-53 the search for a commit is bounded', async (t) => {
  const serving = await hfServing(t)
  const { get, node, publish } = serving
  const { commit } = await publish(MAIN, OLD)
  const { key } = (await node.index.lookup(MAIN))!
  for (let i = 0; i < HF_HISTORIES + 5; i++) await node.index.tag(`hf/acme/tiny@t${i}`, key)
  const limits: (number | undefined)[] = []
  const names = node.index.names.bind(node.index)
  replace(serving, {
    names: (prefix, options) => {
      limits.push(options?.limit)
      return names(prefix, options)
    },
  })
  const counts = counted(serving, 'tagHistory')
  t.is(codeOf(await get(`/acme/tiny/resolve/${'0'.repeat(40)}/f`)), '404 RevisionNotFound')
  t.deepEqual(counts, { tagHistory: HF_HISTORIES })
  t.deepEqual(limits, [HF_REVISIONS, 1])
  t.is((await get(`/acme/tiny/resolve/${commit}/f`)).status, 200)
})

test('R010-54 what the door remembers proves nothing by itself', async (t) => {
  const serving = await hfServing(t)
  const { get, node, publish } = serving
  await publish(MAIN, OLD)
  await publish(`hf/acme/tiny@${COMMIT}`, OLD)
  t.is(await isCommitOf(serving, 'main'), COMMIT)
  await node.index.unbind(`hf/acme/tiny@${COMMIT}`)
  const own = (await node.index.lookup(MAIN))!.key.toHex().slice(0, 40)
  t.is(await isCommitOf(serving, 'main'), own)
  t.is(codeOf(await get(`/acme/tiny/resolve/${COMMIT}/f`)), '404 RevisionNotFound')
  await node.index.unbind(MAIN)
  t.is(codeOf(await get('/api/models/acme/tiny')), '404 RepoNotFound')
})
