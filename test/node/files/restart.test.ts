/** What a restart finds of the files of cached values. */
import { test } from '../../serial.ts'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { GROUP_BYTES, MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import type { FileValue } from '../../../src/node/files/file-tier.ts'
import { sameBytes } from '../../same-bytes.ts'
import { inTemporary } from '../../store/temporary.ts'
import { codeOf, fill, filesBelow, open, read, receive, sample, type Opened } from './tier.ts'

const small = sample(GROUP_BYTES, 1)
const large = sample(2 * SEGMENT_BYTES + 5, 2)
const part = sample(4 * SEGMENT_BYTES, 3)
const RANGE = { start: SEGMENT_BYTES, end: 3 * SEGMENT_BYTES }

/** Two whole values, and a part of a third. */
async function fillSome({ tier }: Opened): Promise<void> {
  await fill(tier, small)
  await fill(tier, large)
  const value = tier.prepare(part.key, part.bytes.byteLength, 1)!
  const release = value.use()
  tier.claim(value, RANGE)
  await receive(value, part, RANGE)
  tier.settle(value)
  release()
}

/** As Global confirms it. */
function confirm(value: FileValue): FileValue {
  value.isVoid = false
  value.incarnation = 7
  return value
}

for (const how of ['a stop', 'a kill'] as const) {
  test(`R003-148 after ${how} files are found, void, at no path of before, and are verified`, async (t) => {
    await inTemporary(async (directory) => {
      const before = await open(directory, 64 * MIB)
      await fillSome(before)
      const paths = [...filesBelow(directory).keys()]
      const usedBytes = before.tier.status().usedBytes
      if (how === 'a stop') await before.tier.close()
      const after = await open(directory, 64 * MIB)
      t.false(paths.some((path) => existsSync(path)))
      t.deepEqual(readdirSync(directory), [after.tier.folder.slice(directory.length + 1)])
      t.is(after.tier.status().usedBytes, usedBytes)
      for (const one of [small, large, part]) {
        const value = after.tier.peek(one.key)!
        t.true(value.isVoid)
        t.true(value.isUnchecked)
        t.is(value.held.count, 0, 'nothing is held before it is verified')
        t.is(value.path, undefined)
        t.is(await codeOf(() => after.tier.hold(value)), 'no-space')
        confirm(value)
        let doneBytes = 0
        const onProgress = (done: number): void => void (doneBytes = done)
        const checks = [after.tier.check(value, { onProgress }), after.tier.check(value)]
        await Promise.all(checks)
        const isPart = one === part
        t.is(doneBytes, isPart ? 2 * SEGMENT_BYTES : one.bytes.byteLength)
        t.false(value.isUnchecked)
        t.is(value.isWhole, !isPart)
        if (isPart)
          sameBytes(t, await read(value, RANGE), one.bytes.subarray(RANGE.start, RANGE.end))
        else sameBytes(t, readFileSync(value.path!), one.bytes)
      }
      t.is(statSync(after.tier.peek(large.key)!.path!).mode & 0o777, 0o400)
      await fill(after.tier, part, 7)
      sameBytes(t, await read(after.tier.peek(part.key)!), part.bytes)
      await after.tier.close()
    })
  })
}

const DAMAGE: readonly (readonly [string, (path: string) => void])[] = [
  [
    'changed',
    (path) => {
      const bytes = readFileSync(path)
      bytes[SEGMENT_BYTES + 7]! ^= 1
      writeFileSync(path, bytes)
    },
  ],
  ['longer', (path) => appendFileSync(path, 'x')],
  ['shorter', (path) => writeFileSync(path, readFileSync(path).subarray(0, SEGMENT_BYTES))],
]

for (const [what, damage] of DAMAGE) {
  test(`R003-149 a file that is ${what} after a restart is removed, and the others stay`, async (t) => {
    await inTemporary(async (directory) => {
      const before = await open(directory, 64 * MIB)
      await fillSome(before)
      for (const path of filesBelow(directory).keys()) {
        if (!path.endsWith(large.key.toString()) && !path.endsWith(part.key.toString())) continue
        chmodSync(path, 0o600)
        damage(path)
      }
      const { tier, warnings } = await open(directory, 64 * MIB)
      const codes = []
      for (const { key } of [small, large, part]) {
        const value = tier.peek(key)!
        codes.push(await codeOf(() => tier.check(confirm(value))))
        if (value.held.count > 0) t.true(tier.peek(key) === value)
      }
      // Of the part only what is noted counts: bytes beyond it are written over.
      t.deepEqual(codes, [undefined, 'integrity', what === 'longer' ? undefined : 'integrity'])
      t.is(tier.peek(large.key), undefined)
      t.true(warnings.length > 0)
      await fill(tier, large, 7)
      sameBytes(t, await read(tier.peek(large.key)!), large.bytes)
      await tier.close()
    })
  })
}

test('R003-149 other files in the folder are deleted, and a smaller budget holds', async (t) => {
  await inTemporary(async (directory) => {
    const before = await open(directory, 64 * MIB)
    await fillSome(before)
    const values = join(before.tier.folder, 'values')
    const parts = join(before.tier.folder, 'parts')
    writeFileSync(join(values, 'something-else'), 'x')
    writeFileSync(join(values, sample(5, 9).key.toString().toUpperCase()), 'x')
    writeFileSync(join(parts, 'abandoned'), 'x')
    const other = sample(5, 8)
    writeFileSync(join(values, other.key.as('directory').toString()), other.bytes)
    writeFileSync(join(parts, `${sample(6, 9).key.toString()}.held`), 'x')
    writeFileSync(join(directory, 'of-the-user'), 'x')
    const { tier } = await open(directory, 3 * MIB)
    t.true(tier.status().usedBytes <= 3 * MIB)
    t.true(tier.status().values >= 1)
    const names = [...filesBelow(directory).keys()].map((path) => path.split('/').at(-1)!)
    for (const name of names) t.regex(name, /^(bafkr[a-z0-9]+(\.pairs|\.held)?|of-the-user)$/)
    const listed = [...tier.values()].map(({ key }) => key.toString())
    for (const name of names.filter((one) => one !== 'of-the-user')) {
      t.true(listed.includes(name.split('.')[0]!), name)
    }
    await tier.close()
  })
})

test('R003-149 what is found can be removed unseen, or fetched again without a check', async (t) => {
  await inTemporary(async (directory) => {
    await fillSome(await open(directory, 64 * MIB))
    const { tier } = await open(directory, 64 * MIB)
    tier.remove(small.key)
    t.false([...filesBelow(directory).keys()].some((path) => path.includes(small.key.toString())))
    const value = await fill(tier, large, 8)
    t.true(value.isWhole)
    t.false(value.isVoid)
    t.is(value.incarnation, 8)
    sameBytes(t, await read(value), large.bytes)
    const checking = tier.check(confirm(tier.peek(part.key)!))
    tier.remove(part.key)
    t.is(await codeOf(() => checking), 'removed')
    await tier.close()
  })
})

test('R003-149 of what is beyond a smaller budget the oldest is deleted', async (t) => {
  await inTemporary(async (directory) => {
    const { tier } = await open(directory, 64 * MIB)
    const some = [1, 2, 3].map((i) => sample(SEGMENT_BYTES, i))
    for (const [i, one] of some.entries()) {
      const { path } = await fill(tier, one)
      // The second was written last.
      utimesSync(path!, 0, [500, 900, 700][i]!)
    }
    const after = await open(directory, 2.5 * MIB)
    t.deepEqual(
      some.map(({ key }) => after.tier.peek(key) !== undefined),
      [false, true, true],
    )
    await after.tier.close()
  })
})

test('R003-148 what arrived of a value before a stop is found', async (t) => {
  await inTemporary(async (directory) => {
    const { tier } = await open(directory, 64 * MIB)
    const value = tier.prepare(part.key, part.bytes.byteLength, 1)!
    const release = value.use()
    tier.claim(value, RANGE)
    await receive(value, part, RANGE)
    // Its transfer has not ended.
    await tier.close()
    t.is(await codeOf(() => receive(value, part, RANGE)), 'cancelled')
    release()
    const after = await open(directory, 64 * MIB)
    const found = confirm(after.tier.peek(part.key)!)
    await after.tier.check(found)
    sameBytes(t, await read(found, RANGE), part.bytes.subarray(RANGE.start, RANGE.end))
    await after.tier.close()
  })
})
