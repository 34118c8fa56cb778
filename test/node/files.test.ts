/** Files of a caller, through a Global and through a Local, over a real connection. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { INLINE_VALUE_BYTES, MIB } from '../../src/limits.ts'
import type { Node, Progress } from '../../src/node/node.ts'
import { pattern } from '../hash/sizes.ts'
import { sameBytes } from '../same-bytes.ts'
import { SYSTEM_FILES } from '../store/file/stated-file.ts'
import { Nodes, read } from './nodes.ts'

interface Scene {
  readonly roles: readonly (readonly [role: string, node: Node])[]
  readonly global: Node
  /** A new file of 3 MiB, whose last write was long ago. */
  readonly file: () => string
}

const VALUE = pattern(3 * MIB)

async function scene(t: ExecutionContext): Promise<Scene> {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const folder = await nodes.folder()
  let files = 0
  const file = (): string => {
    const path = join(folder, `file-${files++}`)
    // Each file has a value of its own: an upload of a known one would send nothing.
    writeFileSync(path, VALUE)
    writeFileSync(path, Buffer.from(path), { flag: 'r+' })
    utimesSync(path, 1, 1)
    return path
  }
  const roles = [
    ['Global', global],
    ['Local', local],
  ] as const
  return { roles, global, file }
}

/** Calls `change` at the first sign of progress in this phase. */
function during(phase: Progress['phase'], change: () => void): (progress: Progress) => void {
  let isDone = false
  return (progress) => {
    if (isDone || progress.phase !== phase) return
    isDone = true
    change()
  }
}

test('R005-51 files of the system have the keys of what reading gives, on both roles', async (t) => {
  const { roles, global } = await scene(t)
  for (const path of SYSTEM_FILES.filter((one) => existsSync(one))) {
    const bytes = readFileSync(path)
    const key = new Key(hash(bytes).digest).toString()
    for (const [role, node] of roles) {
      const phases = new Set<string>()
      const onProgress = ({ phase }: Progress): unknown => phases.add(phase)
      const stored = await node.put({ path }, { name: `${role}${path}`, onProgress })
      t.false(phases.has('hash'), 'it is read once')
      t.is(stored.key.toString(), key, `${role} ${path}`)
      t.is(stored.size, bytes.byteLength)
      sameBytes(t, await read(global, stored.key), bytes, path)
      await node.index.unbind(`${role}${path}`)
    }
  }
  t.pass()
})

test('R007-92 neither role takes another file than the one that is meant', async (t) => {
  const { roles, global, file } = await scene(t)
  const path = file()
  const other = file()
  const { dev: device, ino: inode, size } = statSync(path, { bigint: true })
  const identity = { device, inode, size }
  for (const [role, node] of roles) {
    await t.throwsAsync(node.put({ path: other, identity }), { code: 'unreadable' }, role)
    const { key } = await node.put({ path, identity })
    sameBytes(t, await read(global, key), readFileSync(path), role)
    await node.index.remove(key)
  }
})

test('a file of every size is the same value on both roles', async (t) => {
  const { roles, file } = await scene(t)
  const path = file()
  for (const size of [0, 1, INLINE_VALUE_BYTES, INLINE_VALUE_BYTES + 1, MIB, MIB + 1, 2 * MIB]) {
    writeFileSync(path, pattern(size))
    for (const [role, node] of roles) {
      const { key } = await node.put({ path })
      t.is(key.toString(), new Key(hash(pattern(size)).digest).toString(), `${role} ${size}`)
      await node.index.remove(key)
    }
  }
})

/** What leaves the bytes of a file as they are. */
const NO_CHANGES: Readonly<Record<string, (path: string) => void>> = {
  ln: (path) => linkSync(path, `${path}.link`),
  mv: (path) => renameSync(path, `${path}.new`),
  chmod: (path) => chmodSync(path, 0o400),
  rm: (path) => rmSync(path),
  'a replacement': (path) => (rmSync(path), writeFileSync(path, 'another file')),
}

test('R005-52 a link, a name or a mode that a file gets or loses does not end its put', async (t) => {
  const { roles, global, file } = await scene(t)
  for (const [what, change] of Object.entries(NO_CHANGES)) {
    for (const [role, node] of roles) {
      for (const phase of role === 'Local' ? (['hash', 'store'] as const) : (['store'] as const)) {
        const path = file()
        const bytes = readFileSync(path)
        let changes = 0
        const onProgress = during(phase, () => (changes++, change(path)))
        const { key } = await node.put({ path }, { onProgress })
        t.is(changes, 1)
        t.is(key.toString(), new Key(hash(bytes).digest).toString(), `${what} ${role} ${phase}`)
        sameBytes(t, await read(global, key), bytes)
      }
    }
  }
})

/** What changes the bytes of a file. */
const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  'a write': (path) => writeFileSync(path, 'x', { flag: 'r+' }),
  'an append': (path) => appendFileSync(path, 'x'),
  'a cut': (path) => truncateSync(path, MIB),
  'an append that sets the times back': (path) => {
    appendFileSync(path, 'x')
    utimesSync(path, 1, 1)
  },
}

test('R005-52 a file that is written to during its put is refused, and nothing is stored', async (t) => {
  const { roles, global, file } = await scene(t)
  for (const [what, change] of Object.entries(CHANGES)) {
    for (const [role, node] of roles) {
      const about = `${what}, ${role}`
      const path = file()
      const onProgress = during(role === 'Local' ? 'hash' : 'store', () => change(path))
      const put = node.put({ path }, { onProgress, name: about })
      await t.throwsAsync(put, { code: 'changed' }, about)
      t.is(await global.index.lookup(about), undefined, about)
    }
  }
  for await (const { size } of global.index.keys()) t.fail(`a value of ${size} bytes`)
})

test('R005-53 a write that sets the times back is refused, or the key is that of the stored bytes', async (t) => {
  const { roles, global, file } = await scene(t)
  for (const [role, node] of roles) {
    const path = file()
    const edited = readFileSync(path)
    edited[edited.byteLength - 1]! ^= 1
    const edit = (): void => {
      writeFileSync(path, edited, { flag: 'r+' })
      utimesSync(path, 1, 1)
    }
    // A Local has hashed the file before, and Global verifies what it sends.
    const put = node.put({ path }, { onProgress: during('store', edit) })
    if (role === 'Local') {
      await t.throwsAsync(put, { code: 'changed' })
    } else {
      const { key } = await put
      const stored = await read(global, key)
      t.is(new Key(hash(stored).digest).toString(), key.toString())
      sameBytes(t, stored, edited)
    }
  }
})
