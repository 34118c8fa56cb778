/** Limits of doors. */

// 010: doors

/** How long the replaced value of a build cache's name is kept, if nothing else holds it. */
export const CACHE_KEEP_MS: number = 60_000
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
