/**
 * Another process of the same user writes to, cuts, replaces and deletes files of a running Local:
 * none of what it did reaches a caller or a peer, and the value is fetched again.
 */
import { chmodSync, closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs'
import { rmSync, statSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { test } from '../../serial.ts'
import { sameBytes } from '../../same-bytes.ts'
import { MIB } from '../../../src/limits.ts'
import { network, shared } from '../../e2e/nodes.ts'
import { openPath } from './opened-path.ts'
import { bytesOf, putRandom } from './values.ts'

const SIZE = 3 * MIB

const nodes = shared(async (owner) => {
  const { global, locals } = await network(owner, 2, {
    local: ['--cache', '16MiB', '--cache-dir', 'files', '--cache-dir-size', '64MiB'],
  })
  const [local, peer] = [locals[0]!, locals[1]!]
  const log = { text: '' }
  local.process.stderr!.on('data', (piece) => (log.text += String(piece)))
  return { global, local, peer, log }
})

function write(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, bytes, 0, bytes.byteLength, at)
  closeSync(fd)
}

/** What is done to a file, by what it is called. */
const HARMS: Readonly<Record<string, (path: string) => void>> = {
  'changes a byte in the middle': (path) => write(path, SIZE / 2, Buffer.of(1, 2, 3)),
  'changes a byte and puts the times back': (path) => {
    const { atime, mtime } = statSync(path)
    write(path, 5, Buffer.of(1, 2, 3))
    utimesSync(path, atime, mtime)
  },
  'cuts it in half': (path) => truncateSync(path, SIZE / 2),
  'empties it': (path) => truncateSync(path, 0),
  'appends to it': (path) => write(path, SIZE, Buffer.alloc(100)),
  'puts another file of its size in its place': (path) => {
    writeFileSync(`${path}.other`, Buffer.alloc(SIZE, 7))
    renameSync(`${path}.other`, path)
  },
  'deletes it': (path) => rmSync(path),
}

for (const [harm, doHarm] of Object.entries(HARMS)) {
  test(`R003-144, R003-161: a process that ${harm}: readers, ranges, a peer and the next path get the value`, async (t) => {
    const { global, local, peer, log } = await nodes()
    const { key, bytes } = await putRandom(global, SIZE)
    /** The file is there, and nobody holds it. */
    const harmed = async (): Promise<string> => {
      const opened = await openPath(local, key)
      const { path } = opened
      sameBytes(t, readFileSync(path), bytes)
      opened.close()
      t.is(statSync(path).mode & 0o777, 0o400)
      chmodSync(path, 0o600)
      doHarm(path)
      return path
    }
    log.text = ''
    const path = await harmed()
    sameBytes(t, await bytesOf(local, key), bytes, 'all of it by the socket')

    await harmed()
    const range = { start: SIZE / 2 - 1000, end: SIZE - 5 }
    sameBytes(
      t,
      await bytesOf(local, key, range),
      bytes.subarray(range.start, range.end),
      'a range',
    )

    await harmed()
    sameBytes(t, await bytesOf(peer, key), bytes, 'by a peer')
    await peer.ask((client) => client.evict(key))

    await harmed()
    const copy = local.place.file('copy')
    const got = await local.run(['get', key, '-o', copy])
    t.is(got.exit, 0, got.stderr)
    sameBytes(t, readFileSync(copy), bytes, 'to a file')

    await harmed()
    const again = await openPath(local, key)
    sameBytes(t, readFileSync(again.path), bytes, 'by the next path')
    again.close()
    t.true(log.text.includes(path), `the log names ${path}: ${log.text}`)
    await global.ask((client) => client.remove(key))
    t.false(existsSync(again.path))
  })
}

test('R003-161: a file is emptied while a slow reader is in its middle: it gets the value, or an error', async (t) => {
  const { global, local } = await nodes()
  for (const doHarm of [HARMS['empties it']!, HARMS['changes a byte in the middle']!]) {
    const { key, bytes } = await putRandom(global, SIZE)
    const { path, close } = await openPath(local, key)
    close()
    chmodSync(path, 0o600)
    const got = await local.ask(async (client) => {
      const pieces: Buffer[] = []
      for await (const piece of (await client.get(key)).bytes) {
        pieces.push(Buffer.from(piece))
        if (pieces.length === 1) doHarm(path)
      }
      return Buffer.concat(pieces)
    })
    sameBytes(t, got, bytes)
  }
})

test('R003-161: none of this was a lie: the peer and Global were sent only what verifies', async (t) => {
  const { global, peer } = await nodes()
  for (const node of [global, peer]) {
    t.is(
      (await node.status()).traffic.reduce((sum, { lies }) => sum + lies, 0),
      0,
    )
  }
})
