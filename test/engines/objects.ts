/** Uploads in parts, ranges and lists. */
import assert from 'node:assert/strict'
import { MIB } from '../../src/limits.ts'
import type { Report } from '../doors/clients/report.ts'
import { pattern } from '../journal/tools.ts'
import type { Engine } from './engine.ts'

const PART = 5 * MIB

export async function testObjects(engine: Engine, report: Report): Promise<void> {
  await report.test(`${engine.name}: parts in any order, once`, async () => {
    const objects = await engine.open(engine.newPlace())
    const bodies = [pattern(PART, 1), pattern(PART, 2), pattern(1000, 3)]
    const [one, two] = await Promise.all(
      ['first', 'second'].map(async () => {
        const upload = { key: 'v/1', id: await objects.beginUpload('v/1') }
        const parts = await Promise.all(
          [3, 1, 2].map((number) => objects.uploadPart(upload, number, bodies[number - 1]!)),
        )
        return { upload, parts: parts.toSorted((a, b) => a.number - b.number) }
      }),
    )
    const begun = (await objects.unfinished('v/')).map(({ id }) => id)
    assert.deepEqual(begun.toSorted(), [one!.upload.id, two!.upload.id].toSorted())
    const outcomes = await Promise.all(
      [one!, two!].map(({ upload, parts }) => objects.completeUpload(upload, parts)),
    )
    assert.deepEqual(outcomes.toSorted(), ['exists', 'written'])
    await objects.abortUpload(outcomes[0] === 'exists' ? one!.upload : two!.upload)
    assert.deepEqual(await objects.unfinished('v/'), [])
    const whole = Buffer.concat(bodies)
    assert.equal(await objects.size('v/1'), whole.byteLength)
    for (const [start, end] of [
      [0, 1],
      [PART - 1, PART + 1],
      [2 * PART + 999, 2 * PART + 1000],
      [2 * PART, 3 * PART],
      [0, whole.byteLength],
    ] as const) {
      const found = await objects.get('v/1', { range: { start, end } })
      assert.equal(Buffer.compare(found!, whole.subarray(start, end)), 0, `${start} to ${end}`)
    }
    await objects.remove(['v/1', 'v/none'])
    assert.equal(await objects.get('v/1'), undefined)
    assert.equal(await objects.size('v/1'), undefined)
  })

  await report.test(`${engine.name}: an upload that was given up leaves nothing`, async () => {
    const objects = await engine.open(engine.newPlace())
    const upload = { key: 'v/2', id: await objects.beginUpload('v/2') }
    await objects.uploadPart(upload, 1, pattern(PART))
    await objects.abortUpload(upload)
    assert.deepEqual(await objects.unfinished(''), [])
    assert.equal(await objects.size('v/2'), undefined)
  })

  await report.test(
    `${engine.name}: lists of more than a page, in the order of the keys`,
    async () => {
      const objects = await engine.open(engine.newPlace())
      const keys = Array.from({ length: 1005 }, (_, i) => `k/${i.toString(16).padStart(16, '0')}`)
      const left = [...keys]
      const put = async (): Promise<void> => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) {
          await objects.put(key, new Uint8Array(1), { ifAbsent: true })
        }
      }
      await Promise.all(Array.from({ length: 8 }, put))
      const first = await objects.list('k/')
      assert.deepEqual([first.objects.length, first.more], [1000, true])
      const second = await objects.list('k/', first.objects.at(-1)!.key)
      assert.equal(second.more, false)
      const listed = [...first.objects, ...second.objects].map(({ key }) => key)
      assert.deepEqual(listed, keys)
      // After a key that is none.
      const between = await objects.list('k/', `${keys[1000]}x`)
      assert.deepEqual(
        between.objects.map(({ key }) => key),
        keys.slice(1001),
      )
      await objects.remove(keys)
      assert.deepEqual(await objects.list('k/'), { objects: [], more: false })
    },
  )
}
