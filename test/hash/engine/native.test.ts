/** The native addon: where it is looked for, when it is used, and when not. Needs no compiler. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { chooseEngine } from '../../../src/hash/engine/active-engine.ts'
import { disagreement } from '../../../src/hash/engine/engine-proof.ts'
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { KernelEngine } from '../../../src/hash/engine/kernel-engine.ts'
import { addonPaths, checksumPath } from '../../../src/hash/engine/native/addon-paths.ts'
import { checkOwner } from '../../../src/hash/engine/native/addon.ts'
import type { Addon } from '../../../src/hash/engine/native/addon.ts'
import { NATIVE_BYTES, NativeEngine } from '../../../src/hash/engine/native/native-engine.ts'
import { openFirst } from '../../../src/hash/engine/native/open-native.ts'
import { hashSubtree } from '../../../src/hash/engine/subtree.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { pattern } from '../sizes.ts'

const kernel = new KernelEngine()
const BUNDLE = fileURLToPath(new URL('../../../dstore.js', import.meta.url))

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-native-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** An addon in JavaScript, with a checksum. Returns its path. */
function addonFile(t: ExecutionContext, source: string, name = 'addon.cjs'): string {
  const path = join(folder(t), name)
  writeFileSync(path, source)
  const sum = createHash('sha256').update(source).digest('hex')
  writeFileSync(checksumPath(path), `${sum}  ${name}\n`)
  return path
}

/** The source of one that passes its test, since it leaves all work to the engine below it. */
const idle = (more = ''): string =>
  `const no = () => false; module.exports = { abi: 1, subtree: no, groups: no, outboard: no, ${more} }`

test('R002-20: an addon is looked for beside the package, then in the home folder of its user', (t) => {
  const around = { choice: undefined, system: 'linux-x64', home: '/h' }
  const name = 'dstore-hash-linux-x64.node'
  const users = `/h/.local/lib/dstore-native/${name}`
  for (const module of ['dist/chunks/a-b.js', 'dist/src/hash/engine/a.js', 'dist/library.js']) {
    const paths = addonPaths({ ...around, module: `file:///a%20b/dist/x/${module}` })
    t.deepEqual(paths, [`/a b/dist/x/native/${name}`, users])
  }
  t.deepEqual(addonPaths({ ...around, module: 'file:///a/app.js' }), [users])
  for (const module of ['blob:x', undefined]) {
    t.deepEqual(addonPaths({ ...around, module }), [users])
    t.deepEqual(addonPaths({ ...around, home: undefined, module }), [])
  }
})

test('R002-20: DSTORE_NATIVE names an addon, or turns it off', (t) => {
  const around = { system: 's', home: '/h', module: 'file:///a/dist/b.js' }
  t.deepEqual(addonPaths({ ...around, choice: '0' }), [])
  t.deepEqual(addonPaths({ ...around, choice: '/x/y.node' }), ['/x/y.node'])
  t.is(addonPaths({ ...around, choice: '' }).length, 2)
  for (const choice of ['1', 'off', 'x/y.node', './y', ' 0']) {
    const message = 'DSTORE_NATIVE is neither 0 nor an absolute path'
    t.throws(() => addonPaths({ ...around, choice }), { message })
  }
})

test('R002-19: no addon is no fault, unless the user named it', (t) => {
  const path = join(folder(t), 'none.node')
  t.deepEqual(openFirst([path, join(path, 'x')], kernel, false), { kind: 'none' })
  t.deepEqual(openFirst([], kernel, true), { kind: 'none' })
  const reason = `the native hash addon ${path} is not used: there is no such file`
  t.deepEqual(openFirst([path], kernel, true), { kind: 'refused', reason })
})

test('R002-19: the first addon that exists decides, and is used if it passes its test', (t) => {
  const [first, second] = [addonFile(t, idle()), addonFile(t, 'throw new Error("second")')]
  const found = openFirst([join(first, 'none'), first, second], kernel, false)
  t.is(found.kind === 'used' && found.path, first)
  t.is(found.kind === 'used' && found.engine.name, 'native')
  t.is(openFirst([second, first], kernel, false).kind, 'refused')
})

const WRONG = 'is wrong on this machine'
const REFUSED: readonly (readonly [name: string, source: string, why: RegExp])[] = [
  ['of an older interface', `module.exports = { abi: 0 }`, /interface 0, .* needs 1$/],
  ['of a newer interface', idle('abi: 2'), /interface 2, .* needs 1$/],
  ['without an interface', 'module.exports = {}', /interface undefined, /],
  ['that fails as it is loaded', 'throw new Error("two\\nlines")', /not used: two$/],
  ['that is no module', 'this is no JavaScript', /not used: .+/],
  ['without a function', idle('groups: undefined'), /not used: .*not a function/],
  [
    'that leaves digests out',
    idle('subtree: () => true'),
    new RegExp(`${WRONG} \\(at 7268 bytes\\)`),
  ],
  [
    'that leaves groups out',
    idle('groups: () => true'),
    new RegExp(`${WRONG} \\(in groups of 4096 bytes\\)`),
  ],
  [
    'that leaves outboards out',
    idle('outboard: () => true'),
    new RegExp(`${WRONG} \\(.*outboard\\)`),
  ],
]

for (const [name, source, why] of REFUSED) {
  test(`R002-19: an addon ${name} is refused in one line, and every digest is right`, (t) => {
    const path = addonFile(t, source)
    const choice = chooseEngine(
      () => new KernelEngine(),
      (proved) => openFirst([path], proved, false),
    )
    t.is(choice.name, 'wasm-simd')
    t.regex(choice.refused!, why)
    t.true(choice.refused!.startsWith(`the native hash addon ${path} is not used: `))
    t.notRegex(choice.refused!, /\n/)
    const value = pattern(100_000)
    t.deepEqual(hash(value, { engine: choice.engine }), hash(value, { engine: kernel }))
  })
}

test('R002-19: a file that was cut short, damaged or has no checksum is not loaded', (t) => {
  const source = `globalThis.wasLoaded = true; ${idle()}`
  const loaded = (path: string): string => {
    const found = openFirst([path], kernel, false)
    t.false('wasLoaded' in globalThis, path)
    return found.kind === 'refused' ? found.reason : found.kind
  }
  const cut = addonFile(t, source)
  for (const length of [source.length - 1, 20, 0]) {
    truncateSync(cut, length)
    t.regex(loaded(cut), /its checksum is another/)
  }
  const damaged = addonFile(t, source)
  writeFileSync(damaged, source.replace('true', 'TRUE'))
  t.regex(loaded(damaged), /its checksum is another/)
  const alone = addonFile(t, source)
  for (const sum of ['', 'e3b0c4', '\0'.repeat(65)]) {
    writeFileSync(checksumPath(alone), sum)
    t.regex(loaded(alone), /its checksum is another/)
  }
  rmSync(checksumPath(alone))
  t.regex(loaded(alone), /there is no checksum beside it/)
  t.regex(loaded(folder(t)), /EISDIR/)
})

test('R002-19: a file that another user could have written is not loaded', (t) => {
  const file = (uid: number, mode: number): void => checkOwner({ uid, mode }, 1000)
  t.notThrows(() => file(1000, 0o100775))
  t.notThrows(() => file(0, 0o100644))
  t.throws(() => file(1001, 0o100600), { message: 'it belongs to another user' })
  for (const uid of [0, 1000]) {
    t.throws(() => file(uid, 0o100646), { message: 'every user may write to it' })
  }
  t.throws(() => checkOwner({ uid: 1000, mode: 0o100644 }, 0))
  t.notThrows(() => checkOwner({ uid: 0, mode: 0o100666 }, undefined))
  const path = addonFile(t, `globalThis.wasLoaded = true; ${idle()}`)
  chmodSync(path, 0o666)
  const found = openFirst([path], kernel, false)
  t.regex(found.kind === 'refused' ? found.reason : '', /not used: every user may write to it$/)
  t.false('wasLoaded' in globalThis)
})

/** An addon that computes as the kernel does, and counts. `spoil` changes the result. */
function counting(spoil: Partial<Record<keyof Addon, (out: Uint8Array) => void>> = {}): {
  readonly addon: Addon
  readonly calls: string[]
} {
  const calls: string[] = []
  const note = (name: 'subtree' | 'groups' | 'outboard', bytes: Uint8Array, out: Uint8Array) => {
    calls.push(`${name} ${bytes.byteLength}`)
    spoil[name]?.(out)
    return true
  }
  const addon: Addon = {
    abi: 1,
    subtree(bytes, chunk, root, out, at) {
      kernel.subtree(bytes, chunk, root, out, at)
      return note('subtree', bytes, out.subarray(at))
    },
    groups(bytes, chunk, groupBytes, out, at) {
      kernel.groups([bytes], chunk, groupBytes, out, at)
      return note('groups', bytes, out.subarray(at))
    },
    outboard(...[bytes, chunk, root, groupBytes, pairs, cv]) {
      const found = hashSubtree(bytes, chunk, root, groupBytes, kernel)
      pairs.set(found.outboard)
      cv.set(found.cv)
      return note('outboard', bytes, pairs)
    },
  }
  return { addon, calls }
}

test('R002-19: the addon hashes what has 4 KiB or more, and another engine the rest', (t) => {
  t.is(NATIVE_BYTES, 4096)
  const { addon, calls } = counting()
  const engine: Engine = new NativeEngine(addon, kernel)
  const out = new Uint8Array(300)
  for (const length of [0, 1, 4095]) engine.subtree(pattern(length), 0, true, out, 0)
  engine.groups([pattern(16_384)], 0, 2048, out, 0)
  engine.groups([pattern(4096), pattern(4096)], 0, 4096, out, 0)
  engine.parents(pattern(8192), new Uint8Array(4096))
  hash(pattern(20_000), { engine, groupBytes: 2048 })
  t.deepEqual(calls, [])
  engine.subtree(pattern(4096), 0, true, out, 0)
  engine.groups([pattern(8192)], 0, 4096, out, 0)
  const value = pattern(20_000)
  t.deepEqual(hash(value, { engine }), hash(value, { engine: kernel }))
  t.deepEqual(calls, ['subtree 4096', 'groups 8192', 'outboard 20000'])
})

test('R002-19: an addon that is wrong in one bit, and only with wide lanes or high chunks, is found', (t) => {
  const flip = (at: number) => (out: Uint8Array) => void (out[at]! ^= 1)
  const faults = [
    counting({ subtree: flip(31) }),
    counting({ groups: flip(127) }),
    counting({ outboard: flip(GROUP_BYTES / 256) }),
  ].map(({ addon }) => addon)
  const right = counting().addon
  const wide: Addon = {
    ...right,
    subtree(bytes, chunk, root, out, at) {
      kernel.subtree(bytes, chunk, root, out, at)
      if (bytes.byteLength >= GROUP_BYTES) out[at]! ^= 1
      return true
    },
  }
  const high: Addon = {
    ...right,
    subtree: (bytes, chunk, ...rest) => right.subtree(bytes, chunk % 2 ** 31, ...rest),
  }
  for (const [i, addon] of [...faults, wide, high].entries()) {
    t.not(disagreement(new NativeEngine(addon, kernel), kernel), undefined, `fault ${i}`)
  }
  t.is(disagreement(new NativeEngine(right, kernel), kernel), undefined)
})

test('R002-19, R002-20: a command says in one line that it does not use an addon, and names the right key', async (t) => {
  const path = addonFile(t, idle('abi: 7'))
  const file = join(folder(t), 'value')
  const value = pattern(70_000)
  writeFileSync(file, value)
  const key = new Key(hash(value, { engine: kernel }).digest).toString()
  const cid = (choice: string): Promise<{ stdout: string; stderr: string }> => {
    const env = { PATH: process.env['PATH'], HOME: folder(t), DSTORE_NATIVE: choice }
    return promisify(execFile)(process.execPath, [BUNDLE, 'cid', file], { env })
  }
  const why = 'it has interface 7, and this version of dstore needs 1'
  const stderr = `the native hash addon ${path} is not used: ${why}\n`
  t.deepEqual(await cid(path), { stdout: `${key}\n`, stderr })
  t.deepEqual(await cid('0'), { stdout: `${key}\n`, stderr: '' })
})
