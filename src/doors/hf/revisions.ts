/** Finds the directory of a revision (R010-50, R010-53, R010-54). */
import { asDstoreError } from '../../errors.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import type { Key } from '../../hash/key.ts'
import { HF_HISTORIES, HF_REVISIONS } from '../../limits.ts'
import type { BoundName, ListedName } from '../../node/node.ts'
import { withTreeWord } from '../../tree/read/with-tree-word.ts'
import { HfError, noRepo, noRevision } from './hf-error.ts'
import { DEFAULT_REVISION, isCommit, nameOfRevision, prefixOf } from './hf-repo.ts'
import type { HfRepo } from './hf-repo.ts'
import { KnownCommits } from './known-commits.ts'
import type { Snapshot } from './snapshot.ts'
import { oidOf, TreeSnapshot } from './tree-snapshot.ts'
import type { HfUpstream } from './upstream/upstream.ts'

/** A directory, and the name that leads to it. */
interface Found {
  readonly name: string
  readonly key: Key
  readonly boundAt?: string | undefined
}

export class Revisions {
  readonly #upstream: HfUpstream | undefined
  readonly #known = new KnownCommits()

  constructor(upstream?: HfUpstream) {
    this.#upstream = upstream
  }

  /**
   * Calls `use` with a revision. A tag that has moved away from a directory that is gone is asked
   * for again. Errors: `HfError` where the repository or the revision is missing; those of `use`.
   */
  async with(
    call: DoorCall,
    repo: HfRepo,
    revision: string,
    use: (snapshot: Snapshot) => Promise<void>,
  ): Promise<void> {
    const found = await this.#find(call, repo, revision).catch((error: unknown) => {
      // With Global away, what the upstream said of it may be held here; else the list fails, too.
      if (this.#upstream !== undefined && isAway(error)) return undefined
      throw error
    })
    const read = async (key: Key | undefined): Promise<HfError | undefined> => {
      const held = key && (await this.#snapshot(call, repo, revision, { ...found!, key }))
      return this.#use(call, repo, revision, held, use)
    }
    const failure = await (found === undefined
      ? read(undefined)
      : isCommit(revision)
        ? unlessGone(call, found.key, () => read(found.key), noRevision(repo, revision))
        : withTreeWord(
            call.node,
            { key: found.key, path: [], root: found.name },
            { signal: call.signal },
            ({ key }) => read(key),
            () => !call.response.headersSent,
          ))
    if (failure !== undefined) throw failure
  }

  /** The revisions that have names, in their order, with the commits that they are. */
  async list(
    call: DoorCall,
    repo: HfRepo,
  ): Promise<
    readonly {
      readonly revision: string
      readonly kind: ListedName['kind']
      readonly commit: string
    }[]
  > {
    const names = await namesOf(call, repo)
    if (names.length === 0) throw noRepo(repo)
    const commits = commitsIn(repo, names)
    return names
      .map(({ name, key, kind }) => ({
        revision: name.slice(prefixOf(repo).length),
        kind,
        commit: commits.get(key.toString()) ?? oidOf(key),
      }))
      .filter(({ revision }) => !isCommit(revision))
  }

  /** Hands over what is missing as a result: a missing file does not mean that a name has moved. */
  async #use(
    call: DoorCall,
    repo: HfRepo,
    revision: string,
    held: Snapshot | undefined,
    use: (snapshot: Snapshot) => Promise<void>,
  ): Promise<HfError | undefined> {
    try {
      const isAsked = held === undefined || !isCommit(revision)
      const fetched = isAsked
        ? await this.#upstream?.snapshot(call, repo, revision, held)
        : undefined
      const snapshot = fetched ?? held
      if (snapshot === undefined) return await missing(call, repo, revision)
      await use(snapshot)
      return undefined
    } catch (error) {
      if (error instanceof HfError) return error
      throw error
    }
  }

  async #snapshot(
    call: DoorCall,
    repo: HfRepo,
    revision: string,
    { name, key, boundAt }: Found,
  ): Promise<Snapshot> {
    const commit = isCommit(revision) ? revision : await this.#commitOf(call, repo, name, key)
    return new TreeSnapshot(call, key, {
      commit,
      ...(boundAt !== undefined && { modifiedAt: boundAt }),
    })
  }

  /** What the commit of a name's directory is called: clients keep their copies under it. */
  async #commitOf(call: DoorCall, repo: HfRepo, name: string, key: Key): Promise<string> {
    const id = key.toString()
    // Callers that see few names of the repository get other answers than the rest.
    const memory = call.maySee(prefixOf(repo)) ? this.#known : new KnownCommits()
    const known = memory.commitOf(repo, id)
    if (known !== undefined) {
      const isOwn = known === oidOf(key)
      const bound = isOwn ? undefined : await lookup(call, nameOfRevision(repo, known))
      if (isOwn || bound?.key.equals(key) === true) {
        memory.add(repo, {
          commit: known,
          key: id,
          name: isOwn ? name : nameOfRevision(repo, known),
        })
        return known
      }
    }
    const names = await namesOf(call, repo).catch((error: unknown) => {
      if (isAway(error)) return undefined
      throw error
    })
    const commit = (names && commitsIn(repo, names).get(id)) ?? oidOf(key)
    const isOwn = commit === oidOf(key)
    // With Global away there may be one: look again.
    if (names !== undefined || !isOwn) {
      memory.add(repo, { commit, key: id, name: isOwn ? name : nameOfRevision(repo, commit) })
    }
    return commit
  }

  /** The directory of a revision by its name, or of a commit by what has it. */
  async #find(call: DoorCall, repo: HfRepo, revision: string): Promise<Found | undefined> {
    if (!isCommit(revision))
      return directoryOf(
        await call.node.index.lookup(nameOfRevision(repo, revision), { signal: call.signal }),
      )
    const isIt = ({ key }: { readonly key: Key }): boolean => oidOf(key) === revision
    const own = nameOfRevision(repo, revision)
    const stated = this.#known.nameOf(repo, revision)
    // What was stated of a name is looked for there first: this node holds its binding.
    const names = [
      ...new Set([
        ...(stated === undefined ? [] : [stated]),
        own,
        nameOfRevision(repo, DEFAULT_REVISION),
      ]),
    ]
    for (const name of names) {
      const bound = directoryOf(await lookup(call, name))
      if (bound !== undefined && (name === own || isIt(bound))) return bound
    }
    // With Global away this says so.
    const listed = await namesOf(call, repo)
    return listed.find(isIt) ?? earlier(call, listed, isIt)
  }
}

const isAway = (error: unknown): boolean =>
  ['unreachable', 'timeout'].includes(asDstoreError(error).code)

/** The same, unless it is bytes: a revision is a directory. */
const directoryOf = (bound: BoundName | undefined): BoundName | undefined =>
  bound?.key.kind === 'directory' ? bound : undefined

/** Resolves to `failure` if the work fails because the directory is gone. */
async function unlessGone(
  { node, signal }: DoorCall,
  key: Key,
  work: () => Promise<HfError | undefined>,
  failure: HfError,
): Promise<HfError | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!['not-found', 'removed'].includes(asDstoreError(error).code)) throw error
    if ((await node.index.stat(key, { signal })) !== undefined) throw error
    return failure
  }
}

/** As a look-up that finds nothing where Global would have to be asked. */
async function lookup(call: DoorCall, name: string): Promise<BoundName | undefined> {
  try {
    return await call.node.index.lookup(name, { signal: call.signal })
  } catch (error) {
    if (isAway(error)) return undefined
    throw error
  }
}

/** The names of the repository's revisions that are directories, the first of them. */
async function namesOf({ node, signal }: DoorCall, repo: HfRepo): Promise<ListedName[]> {
  const names: ListedName[] = []
  for await (const one of node.index.names(prefixOf(repo), { signal, limit: HF_REVISIONS })) {
    if (one.key.kind === 'directory') names.push(one)
  }
  return names
}

/** By key: the name of a commit that is bound to it; of several, the one that was bound last. */
function commitsIn(repo: HfRepo, names: readonly ListedName[]): ReadonlyMap<string, string> {
  const found = new Map<string, { readonly commit: string; readonly at: string }>()
  for (const { name, key, boundAt = '' } of names) {
    const commit = name.slice(prefixOf(repo).length)
    const id = key.toString()
    const other = found.get(id)
    if (isCommit(commit) && (other === undefined || other.at <= boundAt)) {
      found.set(id, { commit, at: boundAt })
    }
  }
  return new Map([...found].map(([id, { commit }]) => [id, commit]))
}

/** An earlier target of one of the tags, which is kept for a while. */
async function earlier(
  { node, signal }: DoorCall,
  names: readonly ListedName[],
  isIt: (target: { readonly key: Key }) => boolean,
): Promise<Found | undefined> {
  const tags = names.filter(({ kind }) => kind === 'tag').slice(0, HF_HISTORIES)
  for (const { name } of tags) {
    const target = (await node.index.tagHistory(name, { signal })).find(isIt)
    if (target !== undefined) return { name, key: target.key.as('directory'), boundAt: target.at }
  }
  return undefined
}

/** The refusal of a revision that neither dstore nor the upstream has. */
async function missing(call: DoorCall, repo: HfRepo, revision: string): Promise<HfError> {
  for await (const _ of call.node.index.names(prefixOf(repo), { signal: call.signal, limit: 1 })) {
    return noRevision(repo, revision)
  }
  return noRepo(repo)
}
