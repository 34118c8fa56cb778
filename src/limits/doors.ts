/** Limits of doors. */
import { KIB } from './sizes.ts'

// 010: doors

/** How long the replaced value of a build cache's name is kept, if nothing else holds it. */
export const CACHE_KEEP_MS: number = 60_000

/** The head of an artifact of Turborepo: facts about it, in a line before its bytes. */
export const TURBO_HEAD_BYTES: number = 4096

/** One fact about an artifact of Turborepo, such as its signature. */
export const TURBO_FACT_BYTES: number = 640

/** Artifacts of Turborepo that one request asks about. */
export const TURBO_QUERY_HASHES: number = 512
/** The body of a PROPFIND, which is read and dropped. */
export const PROPFIND_BYTES: number = 64 * KIB
/** A path in a repository of Hugging Face, in bytes of UTF-8. */
export const HF_PATH_BYTES: number = 2048

/** The entries of one page of a repository's tree. */
export const HF_TREE_ENTRIES: number = 1000

/**
 * The files that the facts of a revision list. Clients ask for the tree instead where there are
 * more than 50,000.
 */
export const HF_SIBLINGS: number = 50_001

/** The files and folders that are read for that list. */
export const HF_WALK_ENTRIES: number = 200_000

/** The paths in a request for the facts of paths. */
export const HF_PATHS: number = 1000

/** The revisions of a repository that are listed, or searched for a commit. */
export const HF_REVISIONS: number = 1000

/** The tags of a repository whose earlier targets are searched for a commit. */
export const HF_HISTORIES: number = 16
