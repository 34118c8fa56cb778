/** Daemons with an archive on a server of others, as processes. */
import { rm } from 'node:fs/promises'
import { Place, type Owner } from '../cli/command.ts'
import { Running } from '../e2e/archive/archived.ts'
import type { Engine } from './engine.ts'

/** The archive of one test. */
export class Drill implements Owner {
  readonly engine: Engine
  /** `s3://BUCKET/PREFIX` */
  readonly place: string
  readonly #ends: (() => unknown)[] = []
  readonly #more: readonly string[]

  /** `more`: flags of each daemon. */
  constructor(engine: Engine, more: readonly string[] = []) {
    this.engine = engine
    this.place = engine.newPlace()
    this.#more = more
  }

  readonly teardown = (end: () => unknown): void => void this.#ends.push(end)

  /** A directory for a node, whose commands have credentials. */
  machine(): Place {
    return new EnginePlace(this, this.engine)
  }

  /** Starts a daemon there, which may not serve yet. */
  start(machine: Place, ...more: readonly string[]): Running {
    const { place, engine } = this
    const archive = [`--archive=${place}`, `--archive-endpoint=${engine.endpoint}`]
    const given = [...archive, ...this.#more, ...more]
    const level = given.some((flag) => flag.startsWith('--log-level=')) ? [] : ['--log-level=info']
    const flags = ['--standalone', ...level, ...given]
    return new Running(this, machine, flags)
  }

  async end(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end()
  }
}

class EnginePlace extends Place {
  readonly #engine: Engine

  constructor(owner: Owner, engine: Engine) {
    super(owner)
    this.#engine = engine
  }

  override env(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return super.env({ ...this.#engine.environment, ...more })
  }
}

export async function withDrill(
  engine: Engine,
  more: readonly string[],
  run: (drill: Drill) => Promise<void>,
): Promise<void> {
  const drill = new Drill(engine, more)
  try {
    await run(drill)
  } finally {
    await drill.end()
  }
}

/** The machine is lost, with its disk. */
export async function destroy(node: Running): Promise<void> {
  await node.kill()
  await rm(node.place.state, { recursive: true, force: true })
}

/** A line of the report. */
export const say = (line: string): void => void process.stdout.write(`    ${line}\n`)
