/** A key as dstore prints it. */
export const PRINTED_KEY: RegExp = /^baf[ky]r4i[a-h][a-z2-7]{51}$/
