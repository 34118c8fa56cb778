/** Names of files that browsers save what a door sends as (RFC 6266). */

/** What a name must not have: separators of paths, quotes, controls, marks that hide letters. */
const UNSAFE = /["\\/]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** The `Content-Disposition` of what is saved under this name: never shown. */
export const attachment = (filename: string): string => contentDisposition('attachment', filename)

/**
 * The same for what is shown or saved. Other letters than those of ASCII come a second time,
 * percent-encoded (RFC 8187).
 */
export function contentDisposition(manner: 'inline' | 'attachment', filename: string): string {
  const safe = filename.replaceAll(UNSAFE, '_')
  const ascii = safe.replaceAll(/[^ -~]/gu, '_')
  const header = `${manner}; filename="${ascii}"`
  return ascii === safe ? header : `${header}; filename*=UTF-8''${extended(safe)}`
}

/** `encodeURIComponent` leaves some characters that a parameter must not have. */
const extended = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /['()*]/g,
    (letter) => `%${letter.codePointAt(0)!.toString(16).toUpperCase()}`,
  )
