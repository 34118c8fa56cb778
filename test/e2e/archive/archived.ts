/** Daemons with an archive in a stub of S3. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { StatusAnswer } from '../../../src/daemon/api/api.ts'
import type { Client } from '../../../src/daemon/client/client.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { STUB_CREDENTIALS, startS3Stub, type S3Stub } from '../../bucket/s3-stub.ts'
import { Place, outcome, type Outcome, type Owner } from '../../cli/command.ts'
import { eventually } from '../../eventually.ts'
import { askDaemon } from '../asking.ts'

export const PLACE = 's3://company/dstore/main'

export async function stubFor(t: Owner): Promise<S3Stub> {
  const stub = await startS3Stub()
  t.teardown(() => stub.close())
  return stub
}

/** A place whose commands have credentials. */
export class ArchivedPlace extends Place {
  override env(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return super.env({ ...STUB_CREDENTIALS, ...more })
  }
}

/** A daemon in the foreground, with what it says. */
export class Running {
  readonly place: Place
  readonly process: ChildProcess
  readonly end: Promise<Outcome>
  stderr = ''
  stdout = ''

  constructor(t: Owner, place: Place, args: readonly string[]) {
    this.place = place
    this.process = place.start(['daemon', ...args])
    this.process.stdout!.on('data', (piece) => (this.stdout += String(piece)))
    this.process.stderr!.on('data', (piece) => (this.stderr += String(piece)))
    this.end = outcome(this.process)
    t.teardown(async () => {
      this.process.kill('SIGCONT')
      this.process.kill('SIGKILL')
      await this.end
    })
  }

  /** Resolves when it serves; throws what it says if it ends. */
  async ready(ms = 60_000): Promise<this> {
    const ended = this.end.then(() => {
      throw new Error(`the daemon ended: ${this.stderr}`)
    })
    await Promise.race([ended, eventually(() => this.stdout.includes('dstore ready'), ms)])
    return this
  }

  run(args: readonly string[], input?: Uint8Array | string): Promise<Outcome> {
    return this.place.run(args, input === undefined ? {} : { input })
  }

  ask<Answer>(question: (client: Client) => Promise<Answer>): Promise<Answer> {
    return askDaemon(this.place.state, question)
  }

  async archive(): Promise<NonNullable<StatusAnswer['archive']>> {
    return (await this.ask((client) => client.status())).archive!
  }

  async metrics(): Promise<string> {
    const { socket: socketPath } = stateDirectory(this.place.state)
    const asked = request({ socketPath, path: '/metrics' }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    return (await response.toArray()).join('')
  }

  /** Waits until a restore would have everything. */
  async restorable(ms = 60_000): Promise<void> {
    await eventually(async () => {
      const { snapshot, lagEntries } = await this.archive()
      return snapshot !== undefined && lagEntries === 0
    }, ms)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.end
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Outcome> {
    this.process.kill(signal)
    return this.end
  }
}

export const flags = (stub: S3Stub, ...more: readonly string[]): string[] => [
  `--archive=${PLACE}`,
  `--archive-endpoint=${stub.endpoint}`,
  ...more,
]
