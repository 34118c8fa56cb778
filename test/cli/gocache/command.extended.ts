/** `dstore gocache` as the go command runs it: a process, and requests through pipes. */
import { test } from '../../serial.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join, resolve } from 'node:path'
import type { ExecutionContext } from 'ava'
import { PLATFORM } from '../../../src/platform.ts'
import { BUNDLE, Place } from '../command.ts'
import { closeRequest, getRequest, putRequest, sha256 } from './requests.ts'

interface Response {
  readonly ID: number
  readonly Err?: string
  readonly Miss?: boolean
  readonly OutputID?: string
  readonly Size?: number
  readonly Time?: string
  readonly DiskPath?: string
}

/** A go command that asks. */
class Go {
  readonly child: ChildProcess
  stderr = ''
  readonly #answers = new Map<number, (response: Response) => void>()
  #id = 0

  constructor(place: Place, machine: string, words: readonly string[] = []) {
    const env = { ...place.env(), XDG_CACHE_HOME: resolve(place.path, machine), HOME: place.path }
    this.child = spawn(process.execPath, [BUNDLE, 'gocache', '-v', ...words], { env })
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const response = JSON.parse(line) as Response
      this.#answers.get(response.ID)?.(response)
    })
    this.child.stdin!.on('error', () => undefined)
  }

  get(name: string): Promise<Response> {
    return this.#send((id) => getRequest(id, sha256(name)))
  }

  put(name: string, body: Uint8Array, output?: string): Promise<Response> {
    return this.#send((id) => putRequest(id, sha256(name), body, output))
  }

  /** Closes the cache, and resolves to the exit code. */
  async close(): Promise<number | null> {
    await this.#send(closeRequest)
    this.child.stdin!.end()
    return this.ended()
  }

  async ended(): Promise<number | null> {
    const { child } = this
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.exitCode
  }

  /** Lines for the user. */
  get notes(): string[] {
    return this.stderr.split('\n').filter((line) => line.startsWith('dstore gocache: '))
  }

  #send(request: (id: number) => string): Promise<Response> {
    const id = ++this.#id
    const answer = new Promise<Response>((resolve) => this.#answers.set(id, resolve))
    this.child.stdin!.write(request(id))
    return answer
  }
}

const SIZES = [0, 1, 16_384, 16_385, 300_000, 2_000_000]
const bodyOf = (size: number): Buffer => Buffer.alloc(size, `output of ${size}, `)

function isBody(t: ExecutionContext, { DiskPath, OutputID, Size }: Response, size: number): void {
  const body = bodyOf(size)
  t.is(Size, size)
  t.is(Buffer.from(OutputID!, 'base64').toString('hex'), sha256(body))
  t.true(readFileSync(DiskPath!).equals(body))
}

test('R010-41 R010-43 R010-45 R010-47 another machine has what one has put', async (t) => {
  const place = new Place(t)
  await place.run(['start'])
  const began = Date.now()
  const one = new Go(place, 'one')
  await Promise.all(
    SIZES.map(async (size) => {
      t.true((await one.get(`${size}`)).Miss)
      const { DiskPath, Err } = await one.put(`${size}`, bodyOf(size))
      t.is(Err, undefined)
      t.true(readFileSync(DiskPath!).equals(bodyOf(size)))
      isBody(t, await one.get(`${size}`), size)
    }),
  )
  t.is(await one.close(), 0)
  t.deepEqual(one.notes, [])
  t.regex(one.stderr, /6 hits \(0 from dstore\), 6 misses, 6 puts/)
  const listed = (await place.run(['ls', '-l', 'cache/go/'])).stdout.toString()
  t.is(listed.match(/\btag\b/g)?.length, SIZES.length)

  const fetching = Date.now()
  const two = new Go(place, 'two')
  const hits = await Promise.all(SIZES.map((size) => two.get(`${size}`)))
  for (const [at, size] of SIZES.entries()) isBody(t, hits[at]!, size)
  // The time is that of the put: the go command compares it with that of `go clean -testcache`.
  for (const { Time } of hits) t.true(Date.parse(Time!) >= began && Date.parse(Time!) < fetching)
  const large = hits.at(-1)!.DiskPath!
  if (PLATFORM.hasDescriptorPaths) t.regex(readlinkSync(large), /^\/proc\/\d+\/fd\/\d+$/)
  // A removal in the middle of a build does not break it.
  await place.run(['rm', `cache/go/${sha256('2000000')}`])
  t.true(readFileSync(large).equals(bodyOf(2_000_000)))
  t.is(await two.close(), 0)
  t.regex(two.stderr, /6 hits \(6 from dstore\), 0 misses, 0 puts/)

  // What is in the folder needs no daemon.
  await place.run(['stop'])
  const again = new Go(place, 'two')
  isBody(t, await again.get('300000'), 300_000)
  t.true((await again.get('another')).Miss)
  t.true((await again.get('a third')).Miss)
  t.is(await again.close(), 0)
  t.is(again.notes.length, 1)
  t.regex(again.notes[0]!, /no daemon is running for .*start one with `dstore start`/)
  t.false(existsSync(join(place.path, 'state', 'dstore.sock')))
})

test('R010-44 what was put without a daemon is stored when it is wanted again', async (t) => {
  const place = new Place(t)
  const before = new Go(place, 'one')
  t.is((await before.put('late', bodyOf(10))).Err, undefined)
  t.is(await before.close(), 0)
  await place.run(['start'])
  const after = new Go(place, 'one')
  isBody(t, await after.get('late'), 10)
  t.is(await after.close(), 0)
  const two = new Go(place, 'two')
  isBody(t, await two.get('late'), 10)
  t.is(await two.close(), 0)
})

test('R010-42 a body that is not its output is refused, and the next request is read', async (t) => {
  const place = new Place(t)
  const go = new Go(place, 'one')
  const { Err, DiskPath } = await go.put('bad', bodyOf(300_000), sha256('other'))
  t.regex(Err!, /SHA-256/)
  t.is(DiskPath, undefined)
  t.true((await go.get('bad')).Miss)
  t.is((await go.put('good', bodyOf(5))).Err, undefined)
  t.is(await go.close(), 0)
})

test('R010-40 what is no request ends it with a hint', async (t) => {
  const place = new Place(t)
  const go = new Go(place, 'one')
  go.child.stdin!.write('hello\n')
  t.not(await go.ended(), 0)
  t.regex(go.stderr, /standard input does not come from the go command/)
  t.regex(go.stderr, /GOCACHEPROG="dstore gocache"/)
})

test('R010-48 it ends with the go command, and not by Ctrl-C', async (t) => {
  const place = new Place(t)
  const go = new Go(place, 'one')
  await go.put('one', bodyOf(1))
  go.child.kill('SIGINT')
  go.child.kill('SIGINT')
  isBody(t, await go.get('one'), 1)
  go.child.stdin!.end()
  t.is(await go.ended(), 0)
  const killed = new Go(place, 'one')
  await killed.get('one')
  killed.child.kill('SIGTERM')
  t.is(await killed.ended(), 143)
  t.regex(killed.stderr, /^(?!.*(Error|internal))/s)
})

test('R010-48 a reader that is gone ends it without a message', async (t) => {
  const place = new Place(t)
  const go = new Go(place, 'one')
  await go.get('one')
  go.child.stdout!.destroy()
  go.child.stdin!.write(getRequest(7, sha256('one')))
  t.not(await go.ended(), null)
  t.notRegex(go.stderr, /Error|internal/)
})

test('R010-43 a folder that cannot be written is an answer, and not the end', async (t) => {
  const place = new Place(t)
  const go = new Go(place, '/dev/null/below')
  t.regex((await go.put('one', bodyOf(1))).Err!, /cannot write/)
  t.regex((await go.put('two', bodyOf(300_000))).Err!, /cannot write/)
  t.true((await go.get('one')).Miss)
  t.is(await go.close(), 0)
})

test('R010-45 the links of a process lead to the file of the daemon when it has ended', async (t) => {
  const place = new Place(t)
  await place.run(['start'])
  const one = new Go(place, 'one')
  await one.put('large', bodyOf(2_000_000))
  await one.close()
  const two = new Go(place, 'two')
  const { DiskPath = '' } = await two.get('large')
  await two.close()
  if (PLATFORM.hasDescriptorPaths) t.notRegex(readlinkSync(DiskPath), /^\/proc/)
  t.true(readFileSync(DiskPath).equals(bodyOf(2_000_000)))
})
