/**
 * Machine and directory are lost together, again and again; another one takes over. Its clocks go
 * faster, so that a take-over waits less.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { inTemporary } from '../store/temporary.ts'

const SPEED = 20
/** Puts of a process at a time. */
const WORKERS = 4

export interface KillDrillOptions {
  readonly endpoint: string
  /** `s3://BUCKET/PREFIX`, which nothing has used yet. */
  readonly place: string
  /** Region and credentials. */
  readonly environment: Readonly<Record<string, string>>
  readonly mode: 'ack' | 'lag'
}

/** What the killed processes told. */
export interface Told {
  readonly acknowledged: number
  readonly missing: number
  readonly kept: number
}

export class KillDrill {
  readonly #options: KillDrillOptions
  /** In the order of their answers, of the last process. */
  readonly #answered: string[] = []
  /** Found after a take-over: they must never be missing again. */
  readonly #kept = new Set<string>()
  readonly #begun = new Set<string>()
  /** Entries that the bucket lacked, as the last process told it last. */
  #lag = 0
  #missing = 0
  #total = 0

  constructor(options: KillDrillOptions) {
    this.#options = options
  }

  /** Kills so many, and looks each time at what is there afterwards. */
  async run(kills: number): Promise<Told> {
    const { endpoint, place, mode } = this.#options
    await inTemporary(async (root) => {
      for (let run = 0; run <= kills; run++) {
        const directory = join(root, `${run}`)
        await this.#lifeAndDeath([endpoint, place, directory, `${run}`, mode, `${SPEED}`])
      }
    })
    return { acknowledged: this.#total, missing: this.#missing, kept: this.#kept.size }
  }

  async #lifeAndDeath(args: readonly string[]): Promise<void> {
    const path = fileURLToPath(new URL('processes/archived-process.js', import.meta.url))
    const child = spawn(process.execPath, [path, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...this.#options.environment },
    })
    const closed = new Promise<NodeJS.Signals | null>((resolve) => {
      child.on('close', (_code, signal) => resolve(signal))
    })
    const has = new Set<string>()
    let lag = 0
    const answered: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      const [word, id, entries] = line.split(' ') as [string, string, string]
      if (word === 'has') has.add(id)
      else if (word === 'put') this.#begun.add(id)
      else if (word === 'lag') lag = Number(id)
      else if (word === 'ready') {
        assert.equal(id, '0')
        this.#checkHas(has)
        setTimeout(() => child.kill('SIGKILL'), 300 + Math.random() * 1500).unref()
      } else {
        answered.push(id)
        lag = Number(entries)
      }
    }
    assert.equal(await closed, 'SIGKILL', 'it was killed, it did not fail')
    this.#lag = lag
    this.#answered.splice(0, Infinity, ...answered)
    this.#total += answered.length
  }

  /** What was acknowledged is there; without `--archive-ack` but for the last ones. */
  #checkHas(has: Set<string>): void {
    for (const id of this.#kept) assert.ok(has.has(id), `${id} was there, and is not`)
    const missing = this.#answered.filter((id) => !has.has(id))
    this.#missing += missing.length
    if (this.#options.mode === 'ack') assert.deepEqual(missing, [])
    // An entry has at most one put of each worker.
    const most = WORKERS * (this.#lag + 1)
    assert.ok(missing.length <= most, `${missing.length} missing, ${this.#lag} entries shown`)
    for (const id of has) {
      assert.ok(this.#begun.has(id), `${id} was never put`)
      this.#kept.add(id)
    }
  }
}
