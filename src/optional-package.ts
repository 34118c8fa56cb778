/**
 * Packages that a user installs beside dstore, if a node is to have an archive or an engine. A
 * program's bundler must not look for them: few programs have them, and no program needs them for
 * the calls of the library.
 */

/** Imports a package by a name that bundlers cannot see, so that it stays outside of bundles. */
export const importOptional = <T>(name: string): Promise<T> =>
  import(/* webpackIgnore: true */ /* @vite-ignore */ name) as Promise<T>
