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
}

interface Sent {
  readonly method: string
  readonly path: string
  readonly json?: unknown
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

  put(path: string): { status: number; text: string } | undefined {
    this.sent.push({ method: 'PUT', path })
    const count = this.#puts++
    const status = this.putStatus(count)
    if (status === undefined) return undefined
    const problem = { code: 'too-large', detail: 'no space', status }
    return { status, text: JSON.stringify(status < 300 ? { key: `bafk${count}` } : problem) }
  }
}

/** `XMLHttpRequest`, as far as the page uses it. */
const requestClass = (wire: Wire): unknown =>
  class extends EventTarget {
    responseType = ''
    status = 0
    response = ''
    upload = new EventTarget()
    #path = ''

    open(_method: string, path: string): void {
      this.#path = path
    }

    setRequestHeader(): void {
      // The token is not looked at here.
    }

    abort(): void {
      this.dispatchEvent(new Event('abort'))
    }

    send(): void {
      const answer = wire.put(this.#path)
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

const FOLDER = {
  name: 'site',
  files: ['a.txt', 'sub/b.txt', 'c.txt', 'd.txt'].map((path) => ({
    path,
    file: new File(['0123456789'], path),
  })),
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
  t.is(progress.at(-1), 40)
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

test('R013-63: a file that changed since it was chosen is no lost connection', async (t) => {
  const wire = new Wire(() => undefined)
  const file = new File(['0123456789'], 'notes.txt')
  // As a browser refuses a file whose bytes are no longer those that were chosen.
  file.slice = () => Object.assign(new Blob([]), { arrayBuffer: () => Promise.reject(new Error()) })
  const folder = { ...FOLDER, files: [{ path: 'sub/notes.txt', file }] }
  const watch = { onProgress: () => undefined, signal: new AbortController().signal }
  await over(wire, ({ putFolder }) =>
    t.throwsAsync(putFolder(folder, NAMING, watch), { message: /^notes\.txt has changed/ }),
  )
  t.is(wire.sent.at(-1)?.path, '/v1/holds/a1')
})

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
