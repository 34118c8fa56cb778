/** Limits of the events, figures and transfers that a page shows. */

/** Readers of `GET /v1/events` of one daemon. */
export const EVENT_READERS: number = 64
/** The interval of samples, and of everything in an event that is not urgent. */
export const SAMPLE_MS: number = 1000
/** The shortest interval of events: while a transfer or a removal is under way. */
export const EVENT_MS: number = 250
/** Samples that a daemon keeps: those of ten minutes. */
export const SAMPLES: number = 600
/** Transfers that an event or `GET /v1/transfers` lists: the oldest ones. */
export const LISTED_TRANSFERS: number = 100
/** Peers that are listed of one transfer. */
export const TRANSFER_PEERS: number = 16
/** Removals that a Global follows for events: those that began last. */
export const FOLLOWED_REMOVALS: number = 20
/** Locals that are named of one removal, of those that acknowledged it, and of the others. */
export const REMOVAL_LABELS: number = 50
/** How long a removal that every Local has acknowledged is still told. */
export const REMOVAL_KEPT_MS: number = 600_000
