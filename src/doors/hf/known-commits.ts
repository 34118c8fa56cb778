/**
 * Which commits this door has stated of which names: with Global away, no list can be asked for. It
 * is a memory of answers that the node's bindings prove again each time, bounded, and lost with the
 * daemon.
 */
import { prefixOf, type HfRepo } from './hf-repo.ts'

/** Of each kind; an item has at most two names. */
const KEPT = 2048

export class KnownCommits {
  /** By repository and commit: the name that it was stated of. */
  readonly #names = new Map<string, string>()
  /** By repository and key: what its commit is called. */
  readonly #commits = new Map<string, string>()

  /** A name whose directory is probably this commit. */
  nameOf(repo: HfRepo, commit: string): string | undefined {
    return this.#names.get(idOf(repo, commit))
  }

  /** What the commit of the directory with this key was called. */
  commitOf(repo: HfRepo, key: string): string | undefined {
    return this.#commits.get(idOf(repo, key))
  }

  add(repo: HfRepo, known: { commit: string; key: string; name: string }): void {
    put(this.#names, idOf(repo, known.commit), known.name)
    put(this.#commits, idOf(repo, known.key), known.commit)
  }
}

const idOf = (repo: HfRepo, text: string): string => `${prefixOf(repo)}${text}`

function put(map: Map<string, string>, id: string, text: string): void {
  map.delete(id)
  map.set(id, text)
  const [oldest] = map.keys()
  if (map.size > KEPT && oldest !== undefined) map.delete(oldest)
}
