/** Texts of requests without the secrets that a client may have put into them (R007-341). */

/** Tokens, tickets, and whatever stands in the place of a token and is too long for a label. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/dstore(?:_|%5f)[\w%-]+/gi, 'dstore_...'],
  [/dstore1[a-z2-7%]+/gi, 'dstore1...'],
  [/(?<=\/v1\/tokens\/)[^/]{32,}/g, '...'],
]

export const withoutSecrets = (text: string): string =>
  SECRETS.reduce((done, [pattern, word]) => done.replaceAll(pattern, word), text)
