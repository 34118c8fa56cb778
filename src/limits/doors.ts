/** Limits of doors. */
import { GIB, KIB, MIB } from './sizes.ts'

// 010: doors

/** How long the replaced value of a build cache's name is kept, if nothing else holds it. */
export const CACHE_KEEP_MS: number = 60_000

/** The head of an artifact of Turborepo: facts about it, in a line before its bytes. */
export const TURBO_HEAD_BYTES: number = 4096

/** One fact about an artifact of Turborepo, such as its signature. */
export const TURBO_FACT_BYTES: number = 640

/** Artifacts of Turborepo that one request asks about. */
export const TURBO_QUERY_HASHES: number = 512
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
/** How long an answer of the upstream about a revision is taken for its present state. */
export const HF_FRESH_MS: number = 300_000

/** How long the upstream is not asked again for what it refused, or could not give. */
export const HF_AWAY_MS: number = 30_000

/** How long the upstream may be silent: before its response, and between two pieces of a body. */
export const HF_SILENCE_MS: number = 30_000

/** Redirects that are followed for one request to the upstream. */
export const HF_REDIRECTS: number = 5

/** The least that the upstream sends of a body in `HF_PACE_MS`. */
export const HF_PACE_BYTES: number = 64 * KIB

/** The time in which it sends that, as far as it is waited for. */
export const HF_PACE_MS: number = 60_000

/** Times in a row that a download begins again which brought less than `HF_PACE_BYTES`. */
export const HF_RETRIES: number = 5

/** Bytes of one answer of the upstream in JSON. */
export const HF_JSON_BYTES: number = 16 * MIB

/** Files of a revision that the door reads through. */
export const HF_FILES: number = 100_000

/** Bytes of the list of the files of a revision, as it is stored. */
export const HF_LISTING_BYTES: number = 32 * MIB

/** Downloads from the upstream at a time, at one node. */
export const HF_DOWNLOADS: number = 8

/** Downloads that wait for others, at one node. */
export const HF_WAITING: number = 1024

/** How long a client that takes no interim response waits for a download. */
export const HF_PATIENCE_MS: number = 90_000
/** The longest text of a CID at a gateway: a digest of 128 bytes in base2. */
export const CID_CHARACTERS: number = 1 + 8 * (2 + 1 + 2 + 128)
/** The most bytes that a CID of the hash function identity carries. */
export const IDENTITY_BYTES: number = 128
/** The longest file name that a request gives a block, in characters. */
export const FILENAME_CHARACTERS: number = 255
/** How long an immutable block may be cached, in seconds: 336 days. */
export const BLOCK_AGE_S: number = 29_030_400
/** When a client of a gateway that cannot answer should try again, in seconds. */
export const RETRY_AFTER_S: number = 5
/** The body of a PROPFIND. */
export const DAV_BODY_BYTES: number = 16_384
/** Properties that one PROPFIND names. */
export const DAV_PROPERTIES: number = 128
/** Levels of elements in such a body. */
export const DAV_XML_DEPTH: number = 16
/** Names that a symbolic link is followed through, those of other links among them. */
export const DAV_LINK_STEPS: number = 64
/** Such names for all links of one listing: links beyond are left out. */
export const DAV_LISTING_STEPS: number = 65_536

/** From this size on, the go command gets a file of the daemon, if that has files. */
export const GOCACHE_HELD_BYTES: number = MIB

/** How many such files one go command holds; others are copied. */
export const GOCACHE_HELD_FILES: number = 64

/** What the folder of `gocache` takes at most, unless a flag says otherwise. */
export const GOCACHE_FOLDER_BYTES: number = 10 * GIB
