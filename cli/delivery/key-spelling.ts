/** A key in the spelling that `put` prints. */
export const KEY: RegExp = /^baf[ky]r4i[a-z2-7]{52}$/
