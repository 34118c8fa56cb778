/**
 * A power cut in the middle of `get --output-dir`, and right after its end: the command writes to a
 * file system in an image, and the image is copied as the disk would be found. Needs root, to mount
 * it.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { Place, outcome } from '../cli/command.ts'
import { serving } from '../daemon/serving.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import { Disk, canMount } from './image.ts'

const COUNT = 600
/** Files that are in place when the image is copied. */
const COPIED_AT = [1, 60, 200, 450]

/** What the command wrote, by name. */
function filesIn(disk: string): Map<string, Buffer> {
  const found = `${disk}/out`
  const names = existsSync(found) ? readdirSync(found) : []
  return new Map(names.map((name) => [name, readFileSync(`${found}/${name}`)]))
}

test('R007-202 after a power cut a file of get --output-dir is whole; after success all are there', async (t) => {
  t.timeout(120_000)
  if (!canMount()) {
    t.log('SKIPPED: not root, or no loop devices')
    t.pass()
    return
  }
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const disk = new Disk(t, { path: place.file('disk'), image: place.file('image'), size: '64M' })
  for (let i = 0; i < COUNT; i++) {
    const value = new Uint8Array(1 + ((i * 977) % 20_000)).fill(i % 251)
    node.values.set(new Key(hash(value).digest).toString(), value)
  }
  const keys = [...node.values.keys()]
  const get = node.get.bind(node)
  let gets = 0
  const stops = [...COPIED_AT]
  let goOn = (): void => undefined
  let held = Promise.resolve()
  const hold = (): void => {
    held = new Promise((resolve) => (goOn = resolve))
  }
  hold()
  node.get = async (key, options) => {
    const stop = stops[0]
    if (stop !== undefined && gets >= stop) await held
    gets++
    return get(key, options)
  }
  const child = place.start(['get', '--files-from', '-', '--output-dir', `${disk.path}/out`])
  t.teardown(() => child.kill('SIGKILL'))
  child.stdin!.end(keys.join('\n'))
  const ended = outcome(child)
  const inPlace = (): string[] =>
    readdirSync(disk.path).includes('out')
      ? readdirSync(`${disk.path}/out`).filter((name) => !name.endsWith('.part'))
      : []

  const wholeAfterPowerCut = (): number => {
    const files = disk.afterPowerCut(filesIn)
    let whole = 0
    for (const [name, bytes] of files) {
      if (name.endsWith('.part')) continue
      if (!bytes.equals(node.values.get(name)!)) t.fail(`${name} has ${bytes.byteLength} bytes`)
      whole++
    }
    return whole
  }

  for (const stop of COPIED_AT) {
    await eventually(() => inPlace().length >= stop)
    wholeAfterPowerCut()
    stops.shift()
    const before = goOn
    hold()
    before()
  }
  stops.length = 0
  goOn()
  t.deepEqual({ ...(await ended), stdout: '' }, { exit: 0, stdout: '', stderr: '' })
  t.is(wholeAfterPowerCut(), COUNT)
})
