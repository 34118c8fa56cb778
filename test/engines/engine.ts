/** Servers of objects by others, as processes of their own on loopback. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ObjectStore } from '../../src/bucket/object-store.ts'
import { openBucket } from '../../src/bucket/s3-objects.ts'
import { DISK } from '../disk.ts'
import { freePort } from '../free-port.ts'

export interface Engine {
  readonly name: string
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string
  /** What a daemon needs to use it: region and credentials. */
  readonly environment: Readonly<Record<string, string>>
  /** A place that nothing has used yet: `s3://BUCKET/PREFIX`. */
  newPlace(): string
  /** A client of a place; all are closed when the engine ends. */
  open(place: string): Promise<ObjectStore>
  /** Stops the server; what it has stays. */
  goAway(): Promise<void>
  /** Starts it again, at the same address. */
  comeBack(): Promise<void>
  /** Lets the server hang: it takes connections, and answers nothing. */
  hang(): void
  /** It goes on. */
  goOn(): void
  end(): Promise<void>
}

/** A program of others that speaks S3. */
export interface EngineProgram {
  readonly name: string
  readonly program: string
  /** How to get it. */
  readonly hint: string
  /** Arguments, where it listens and keeps its data; `environment` is that of the process. */
  start(at: { readonly port: number; readonly directory: string; readonly access: Access }): {
    readonly args: readonly string[]
    readonly environment?: Readonly<Record<string, string>>
    readonly prepare?: () => Promise<void>
  }
  /** Makes the bucket, where no folder is one. */
  readonly makesBucket: boolean
}

export interface Access {
  readonly id: string
  readonly secret: string
}

const BUCKET = 'engine'
const READY_MS = 60_000

/** Where a program is; undefined if it is not installed. `go install` puts it beside the PATH. */
export function findProgram(program: string): string | undefined {
  const { PATH = '', GOBIN, GOPATH = join(homedir(), 'go') } = process.env
  const folders = [...PATH.split(delimiter), GOBIN ?? join(GOPATH.split(delimiter)[0]!, 'bin')]
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
}

export async function startEngine(program: EngineProgram, path: string): Promise<Engine> {
  const directory = await mkdtemp(join(DISK, 'dstore-engine-'))
  const port = await freePort()
  const access = { id: randomBytes(8).toString('hex'), secret: randomBytes(16).toString('hex') }
  const { args, environment, prepare } = program.start({ port, directory, access })
  await mkdir(join(directory, 'data', BUCKET), { recursive: true })
  await prepare?.()
  // Nothing of this process's own environment: it may have credentials.
  const { PATH = '', HOME = directory } = process.env
  let said = ''
  const serve = (): ChildProcess => {
    const child = spawn(path, args, {
      cwd: directory,
      env: { PATH, HOME, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr.on('data', (bytes: Buffer) => (said = `${said}${bytes.toString()}`.slice(-2000)))
    return child
  }
  let server = serve()
  const endpoint = `http://127.0.0.1:${port}`
  const opened: ObjectStore[] = []
  let places = 0
  const credentials = { accessKeyId: access.id, secretAccessKey: access.secret }
  const own = { AWS_REGION: 'us-east-1' }
  const engine: Engine = {
    name: program.name,
    endpoint,
    environment: {
      ...own,
      AWS_ACCESS_KEY_ID: access.id,
      AWS_SECRET_ACCESS_KEY: access.secret,
    },
    newPlace: () => `s3://${BUCKET}/place-${++places}`,
    open: async (place) => {
      const objects = await openBucket({ place, endpoint, environment: own, credentials })
      opened.push(objects)
      return objects
    },
    goAway: () => end(server),
    comeBack: async () => {
      server = serve()
      await answers(engine.endpoint, server)
    },
    hang: () => void server.kill('SIGSTOP'),
    goOn: () => void server.kill('SIGCONT'),
    end: async () => {
      for (const objects of opened) await objects.close()
      await end(server)
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  try {
    await ready(engine, server, program)
  } catch (error) {
    await engine.end()
    throw new Error(`${program.name} did not start: ${said}`, { cause: error })
  }
  return engine
}

/** Asks until there is any answer. */
async function answers(endpoint: string, server: ChildProcess): Promise<void> {
  const until = Date.now() + READY_MS
  for (;;) {
    if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}`)
    const answer = await fetch(endpoint).catch(() => undefined)
    if (answer !== undefined) return
    if (Date.now() > until) throw new Error('it gives no answer')
    await sleep(50)
  }
}

/** Asks until it lists what a place has. */
async function ready(engine: Engine, server: ChildProcess, program: EngineProgram): Promise<void> {
  const until = Date.now() + READY_MS
  await answers(engine.endpoint, server)
  if (program.makesBucket) await makeBucket(engine)
  const objects = await engine.open(engine.newPlace())
  for (;;) {
    try {
      await objects.list('')
      return
    } catch (error) {
      if (Date.now() > until) throw error
      await sleep(200)
    }
  }
}

async function makeBucket({ endpoint, environment }: Engine): Promise<void> {
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3')
  const client = new S3Client({
    endpoint,
    region: environment['AWS_REGION']!,
    forcePathStyle: true,
    credentials: {
      accessKeyId: environment['AWS_ACCESS_KEY_ID']!,
      secretAccessKey: environment['AWS_SECRET_ACCESS_KEY']!,
    },
  })
  try {
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  } finally {
    client.destroy()
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  server.kill('SIGTERM')
  const late = setTimeout(() => server.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(late)
}
