import {
  BATCH_ITEMS,
  HTTP_BATCH_BYTES,
  HTTP_REQUEST_MS,
  INLINE_VALUE_BYTES,
} from '../../src/limits.ts'
import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Watch {
  readonly onProgress: (bytes: number) => void
  readonly signal: AbortSignal
}

interface Upload {
  readonly putFolder: (folder: object, naming: object, watch: Watch) => Promise<{ key: string }>
}

interface Folders {
  readonly foldersOf: (
    files: readonly object[],
  ) => { folder: { name: string; files: { path: string }[] } }[]
  readonly folderFault: (folder: object) => Error | undefined
  readonly batchesOf: (
    files: readonly { readonly file: { readonly size: number } }[],
  ) => { readonly file: { readonly size: number } }[][]
  readonly BATCH: { readonly files: number; readonly fileBytes: number; readonly bytes: number }
}

interface Sent {
  readonly method: string
  readonly path: string
  readonly json?: unknown
  readonly sizes?: string
}

/** What the page would send: `fetch` for documents, `XMLHttpRequest` for bodies with progress. */
class Wire {
  readonly sent: Sent[] = []
  /** Answers to paths of puts, in order of the calls; undefined is a lost connection. */
  readonly putStatus: (count: number) => number | undefined
  #puts = 0

  constructor(putStatus: (count: number) => number | undefined) {
    this.putStatus = putStatus
  }

  fetch = (
    path: string,
    { method, body }: { method: string; body?: string },
  ): Promise<Response> => {
    this.sent.push({
      method,
      path,
      ...(body !== undefined && { json: JSON.parse(body) as unknown }),
    })
    const answer = path === '/v1/holds' ? { hold: 'a1' } : { key: 'bafyroot' }
    return Promise.resolve(Response.json(answer))
  }

  put(
    method: string,
    path: string,
    sizes: string | undefined,
  ): { status: number; text: string } | undefined {
    this.sent.push({ method, path, ...(sizes !== undefined && { sizes }) })
    const count = this.#puts++
    const status = this.putStatus(count)
    if (status === undefined) return undefined
    if (status >= 300) {
      return { status, text: JSON.stringify({ code: 'too-large', detail: 'no space', status }) }
    }
    const keys = sizes?.split(',').map((_, i) => `bafk${count}-${i}`) ?? [`bafk${count}`]
    return { status, text: keys.map((key) => `${JSON.stringify({ key })}\n`).join('') }
  }
}

/** `XMLHttpRequest`, as far as the page uses it. */
const requestClass = (wire: Wire): unknown =>
  class extends EventTarget {
    responseType = ''
    status = 0
    response = ''
    upload = new EventTarget()
    #method = ''
    #path = ''
    #sizes: string | undefined

    open(method: string, path: string): void {
      this.#method = method
      this.#path = path
    }

    setRequestHeader(name: string, value: string): void {
      if (name === 'Dstore-Sizes') this.#sizes = value
    }

    abort(): void {
      this.dispatchEvent(new Event('abort'))
    }

    send(): void {
      const answer = wire.put(this.#method, this.#path, this.#sizes)
      setImmediate(() => {
        if (answer === undefined) this.dispatchEvent(new Event('error'))
        else {
          this.status = answer.status
          this.response = answer.text
          this.dispatchEvent(new Event('load'))
        }
        this.dispatchEvent(new Event('loadend'))
      })
    }
  }

/** Too large for a batch. */
const LARGE = 'x'.repeat(INLINE_VALUE_BYTES + 1)

const fileAt = (path: string, text: string): { path: string; file: File } => {
  return { path, file: new File([text], path) }
}

const FOLDER = {
  name: 'site',
  files: ['a.txt', 'sub/b.txt', 'c.txt', 'd.txt'].map((path) => fileAt(path, LARGE)),
  emptyFolders: ['empty'],
}
const NAMING = { name: 'releases/1', isTag: true, expiresMs: undefined }

/** Runs with the wire in the place of the network. */
async function over<Result>(wire: Wire, run: (upload: Upload) => Promise<Result>): Promise<Result> {
  const kept = {
    fetch: globalThis.fetch,
    XMLHttpRequest: Reflect.get(globalThis, 'XMLHttpRequest') as unknown,
  }
  Object.assign(globalThis, { fetch: wire.fetch, XMLHttpRequest: requestClass(wire) })
  try {
    return await run(await pageModule<Upload>('api/upload.js'))
  } finally {
    Object.assign(globalThis, kept)
  }
}

test('R013-63: a folder goes under one hold, which its commit ends', async (t) => {
  const wire = new Wire(() => 201)
  const progress: number[] = []
  const watch = {
    onProgress: (bytes: number) => progress.push(bytes),
    signal: new AbortController().signal,
  }
  const put = await over(wire, ({ putFolder }) => putFolder(FOLDER, NAMING, watch))
  t.is(put.key, 'bafyroot')
  t.is(progress.at(-1), 4 * LARGE.length)
  const [first, ...rest] = wire.sent
  t.deepEqual([first?.method, first?.path], ['POST', '/v1/holds'])
  t.deepEqual(
    rest.slice(0, 4).map(({ path }) => path),
    Array(4).fill('/v1/values?hold=a1'),
  )
  const commit = rest[4]
  t.is(commit!.path, '/v1/trees?hold=a1&name=releases%2F1&tag=1')
  const { entries } = commit!.json as { entries: { path: string; key?: string }[] }
  t.deepEqual(
    new Set(entries.map(({ path }) => path)),
    new Set(['empty/', 'a.txt', 'sub/b.txt', 'c.txt', 'd.txt']),
  )
  t.is(entries.filter(({ key }) => key !== undefined).length, 4)
  t.is(rest.length, 5)
})

for (const [what, status] of [
  ['is refused', 413],
  ['loses its connection', undefined],
] as const) {
  test(`R013-63: where a file ${what}, the hold ends and nothing is committed`, async (t) => {
    const wire = new Wire((count) => (count === 1 ? status : 201))
    const watch = { onProgress: () => undefined, signal: new AbortController().signal }
    const message = status === undefined ? /does not answer/ : /no space/
    await over(wire, ({ putFolder }) =>
      t.throwsAsync(putFolder(FOLDER, NAMING, watch), { message }),
    )
    t.false(wire.sent.some(({ path }) => path.startsWith('/v1/trees')))
    t.deepEqual([wire.sent.at(-1)?.method, wire.sent.at(-1)?.path], ['DELETE', '/v1/holds/a1'])
  })
}

test('R013-97: small files of a folder go in batches, the empty and the large each by itself', async (t) => {
  const wire = new Wire(() => 200)
  const files = [
    fileAt('a', 'one'),
    fileAt('large', LARGE),
    fileAt('sub/b', 'four'),
    fileAt('empty', ''),
    fileAt('c', 'three'),
  ]
  const progress: number[] = []
  const watch = {
    onProgress: (bytes: number) => progress.push(bytes),
    signal: new AbortController().signal,
  }
  await over(wire, ({ putFolder }) =>
    putFolder({ name: 'site', files, emptyFolders: [] }, NAMING, watch),
  )
  t.deepEqual(wire.sent.slice(1, -1), [
    { method: 'POST', path: '/v1/batch?hold=a1', sizes: '3,4,5' },
    { method: 'PUT', path: '/v1/values?hold=a1' },
    { method: 'PUT', path: '/v1/values?hold=a1' },
  ])
  t.is(progress.at(-1), 12 + LARGE.length)
  const { entries } = wire.sent.at(-1)!.json as { entries: { path: string; key: string }[] }
  t.deepEqual(Object.fromEntries(entries.map(({ path, key }) => [path, key])), {
    a: 'bafk0-0',
    'sub/b': 'bafk0-1',
    c: 'bafk0-2',
    large: 'bafk1',
    empty: 'bafk2',
  })
})

test('R013-97: an answer to a batch that has not a line for each file commits nothing', async (t) => {
  const wire = new Wire(() => 200)
  wire.put = () => ({ status: 200, text: '{"key":"bafk0"}\n' })
  const folder = { name: 'site', files: [fileAt('a', 'one'), fileAt('b', 'two')], emptyFolders: [] }
  const watch = { onProgress: () => undefined, signal: new AbortController().signal }
  await over(wire, ({ putFolder }) =>
    t.throwsAsync(putFolder(folder, NAMING, watch), { message: /has other values/ }),
  )
  t.is(wire.sent.at(-1)?.path, '/v1/holds/a1')
})

/** Bytes a second of a line over which batches must arrive in time. */
const SLOW = 16_000

test('R013-97: no batch has more than the API takes, nor than a slow line brings in time', async (t) => {
  const { batchesOf, BATCH } = await pageModule<Folders>('core/folders.js')
  const { SIDE_BY_SIDE } = await pageModule<{ SIDE_BY_SIDE: number }>('api/turns.js')
  t.is(BATCH.files, BATCH_ITEMS)
  t.is(BATCH.fileBytes, INLINE_VALUE_BYTES)
  t.true(BATCH.bytes <= HTTP_BATCH_BYTES)
  t.true((SIDE_BY_SIDE * BATCH.bytes) / SLOW < HTTP_REQUEST_MS / 1000)
  const counts = (sizes: readonly number[]): number[] =>
    batchesOf(sizes.map((size) => ({ file: { size } }))).map(({ length }) => length)
  const full = BATCH.bytes / INLINE_VALUE_BYTES
  t.deepEqual(counts(Array<number>(full + 1).fill(INLINE_VALUE_BYTES)), [full, 1])
  t.deepEqual(counts([INLINE_VALUE_BYTES + 1, INLINE_VALUE_BYTES, 0, 1]), [1, 2, 1])
  t.deepEqual(counts(Array<number>(BATCH_ITEMS + 2).fill(1)), [BATCH_ITEMS, 2])
  t.deepEqual(counts([]), [])
})

/** As a browser reads a file whose bytes are no longer those that were chosen. */
const changed = (text: string): File => {
  const file = new File([text], 'notes.txt')
  const arrayBuffer = (): Promise<never> => Promise.reject(new Error('it has changed'))
  const slice = (): Blob => Object.assign(new Blob([]), text === '' ? {} : { arrayBuffer })
  return Object.assign(file, { arrayBuffer, slice })
}

for (const [what, files] of [
  ['a file', [{ path: 'sub/notes.txt', file: changed(LARGE) }]],
  ['an empty file', [{ path: 'sub/notes.txt', file: changed('') }]],
  ['a file of a batch', [fileAt('a', 'one'), { path: 'sub/notes.txt', file: changed('two') }]],
] as const) {
  test(`R013-63: ${what} that changed since it was chosen is no lost connection`, async (t) => {
    const wire = new Wire(() => undefined)
    const watch = { onProgress: () => undefined, signal: new AbortController().signal }
    await over(wire, ({ putFolder }) =>
      t.throwsAsync(putFolder({ ...FOLDER, files }, NAMING, watch), {
        message: /^notes\.txt has changed/,
      }),
    )
    t.is(wire.sent.at(-1)?.path, '/v1/holds/a1')
  })
}

test('R013-63: where it is cancelled, the hold ends', async (t) => {
  const cancelling = new AbortController()
  const wire = new Wire((count) => {
    if (count === 2) cancelling.abort()
    return 201
  })
  const watch = { onProgress: () => undefined, signal: cancelling.signal }
  const cancelled = over(wire, ({ putFolder }) => putFolder(FOLDER, NAMING, watch))
  const error: unknown = await cancelled.catch((fault: unknown) => fault)
  t.is((error as DOMException).name, 'AbortError')
  t.is(wire.sent.at(-1)?.method, 'DELETE')
  t.false(wire.sent.some(({ path }) => path.startsWith('/v1/trees')))
})

test('a chosen folder has its files by their paths within it', async (t) => {
  const { foldersOf } = await pageModule<Folders>('core/folders.js')
  const files = ['site/a.txt', 'site/sub/b.txt'].map((webkitRelativePath) => ({
    webkitRelativePath,
  }))
  const [one] = foldersOf(files)
  t.is(one?.folder.name, 'site')
  t.deepEqual(
    one?.folder.files.map(({ path }) => path),
    ['a.txt', 'sub/b.txt'],
  )
})

test('a folder whose list the API would not take is refused before any of it is sent', async (t) => {
  const { folderFault } = await pageModule<Folders>('core/folders.js')
  const files = (count: number, name: string): object[] =>
    Array.from({ length: count }, (_, i) => ({ path: `${name}${i}`, file: { size: 1 } }))
  const folder = (count: number, name: string): object => ({
    name: 'f',
    files: files(count, name),
    emptyFolders: [],
  })
  t.is(folderFault(folder(9000, 'x')), undefined)
  t.regex(folderFault(folder(12_000, 'x'))?.message ?? '', /too many files/)
  t.regex(folderFault(folder(3000, 'ü'.repeat(200)))?.message ?? '', /too many files/)
  t.regex(folderFault(folder(0, ''))?.message ?? '', /empty/)
})
