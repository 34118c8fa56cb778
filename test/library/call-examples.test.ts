/**
 * Every call of the library has an example in its comment, and each example runs: as it stands, in
 * one program, over what the reference says that its words mean.
 */
import { test } from '../serial.ts'
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { Place } from '../cli/command.ts'
import { publicCalls } from './call-examples.ts'

const LIBRARY = fileURLToPath(new URL('../../library.js', import.meta.url))

/** Where the example of a call needs another node than a standalone one in memory. */
const ROLES: Readonly<Record<string, string>> = {
  'Dstore.invite': 'global',
  'Dstore.members': 'global',
  'Dstore.admit': 'global',
  'Dstore.expel': 'global',
  'Dstore.prefetch': 'local',
  'Dstore.evict': 'local',
  'PinCalls.pin': 'local',
  'PinCalls.unpin': 'local',
  'PinCalls.pins': 'local',
  'Dstore.uploadInactive': 'inactive',
  'Dstore.dropInactive': 'inactive',
  'PathCalls.openPath': 'daemon',
}

/** A program that runs examples one after another, each with a node of its own. */
const program = (examples: readonly string[]): string => `
import { createHash } from 'node:crypto'
import { createReadStream, rmSync } from 'node:fs'
import * as library from ${JSON.stringify(LIBRARY)}

const { connect, createNode, createKeyHasher, digestName, isErrorCode, keyOf, parseKey } = library
const { DstoreError, Key } = library
const open = []
const opened = async (options) => {
  const node = await createNode(options)
  open.unshift(node)
  return node
}
let local
async function openLocal() {
  const { ticket } = await (await createNode({ role: 'global' })).invite({ role: 'admin' })
  return createNode({ role: 'local', ticket })
}
const NODES = {
  standalone: async () => ({ dstore: await opened({}) }),
  daemon: async () => ({ dstore: await connect() }),
  global: async () => {
    const dstore = await opened({ role: 'global' })
    const { ticket } = await dstore.invite()
    await opened({ role: 'local', ticket })
    let peer
    for await (const member of dstore.members()) peer = member.peer
    return { dstore, peer }
  },
  // One for all of its examples.
  local: async () => ({ dstore: await (local ??= openLocal()) }),
  inactive: async () => {
    rmSync('earlier', { recursive: true, force: true })
    const earlier = await createNode({ dir: 'earlier' })
    await earlier.put('kept')
    await earlier.close()
    const { ticket } = await (await opened({ role: 'global' })).invite({ role: 'admin' })
    const local = { role: 'local', ticket, dir: 'earlier', withoutData: true }
    return { dstore: await opened(local) }
  },
}
async function contextOf(role) {
  const { dstore, peer } = await NODES[role]()
  const { key } = await dstore.put('hello', { name: 'greeting' })
  await dstore.putDirectory('model', { name: 'models/v1' })
  await dstore.tag('app/latest', key)
  await dstore.setRule('cache/', { maxNames: 10 })
  if (role === 'local') await dstore.pin('models/v1')
  const stopping = new AbortController()
  setTimeout(() => stopping.abort(), 300)
  return { dstore, peer, key, hasher: createKeyHasher(), signal: stopping.signal }
}
const print = console.log
console.log = console.error = () => undefined
const results = []
for (const [name, role, run] of [
${examples.join('\n')}
]) {
  try {
    await run(await contextOf(role))
    results.push([name, 'ran'])
  } catch (error) {
    // A watch ends by its signal only.
    results.push([name, error.code === 'cancelled' && name === 'Dstore.watch' ? 'ran' : String(error.stack)])
  }
  for (const node of open.splice(0)) await node.close()
}
print(JSON.stringify(results))
process.exit(0)
`

test('each call of the library has an example in its comment, which calls it', (t) => {
  const calls = publicCalls()
  t.true(calls.length >= 60, `${calls.length}`)
  for (const { name, examples } of calls) {
    t.true(examples.length > 0, `${name} has no @example`)
    const method = name.split('.').at(-1)!
    const uses = method === 'toJSON' ? /JSON\.stringify/ : new RegExp(String.raw`\b${method}\b`)
    for (const example of examples) t.regex(example, uses, name)
  }
})

test('each example of a call runs', async (t) => {
  const place = new Place(t)
  mkdirSync(join(place.path, 'work', 'model'), { recursive: true })
  writeFileSync(join(place.path, 'work', 'model', 'config.json'), '{}\n')
  writeFileSync(join(place.path, 'work', 'hello.txt'), 'hello')
  const started = await place.run(['start'])
  t.is(started.exit, 0, started.stderr)
  const calls = publicCalls().flatMap(({ name, examples }) =>
    examples.map((code) => ({ name, code })),
  )
  const file = join(place.path, 'work', 'examples.mjs')
  const lines = calls.map(
    ({ name, code }) =>
      `  ['${name}', '${ROLES[name] ?? 'standalone'}', async ({ dstore, peer, key, hasher, signal }) => { { ${code} } }],`,
  )
  writeFileSync(file, program(lines))
  const options = { env: place.env(), cwd: join(place.path, 'work'), timeout: 100_000 }
  const { stdout } = await promisify(execFile)(process.execPath, [file], options)
  t.deepEqual(
    JSON.parse(stdout),
    calls.map(({ name }) => [name, 'ran']),
  )
})
