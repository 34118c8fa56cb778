/** The systems that a self-contained package is built for, and the Node that it contains. */

export const PLATFORMS = ['linux-x64', 'linux-arm64'] as const
export type Platform = (typeof PLATFORMS)[number]

/**
 * The Node of every self-contained package: the newest of its major version that npm has for each
 * platform. To change it, set the version and copy the checksums from
 * `npm view node-PLATFORM@VERSION dist.integrity`.
 */
export const NODE: {
  readonly version: string
  /** `process.versions.modules` of that Node: binaries for others are left out. */
  readonly abi: string
  /** Of the package `node-PLATFORM`, as a lock file writes it. */
  readonly integrity: Readonly<Record<Platform, string>>
} = {
  version: '24.21.0',
  abi: '137',
  integrity: {
    'linux-x64':
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    'linux-arm64':
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
}

/** The platform of this machine, or undefined if there is no package for it. */
export function thisPlatform(): Platform | undefined {
  return PLATFORMS.find((platform) => platform === `${process.platform}-${process.arch}`)
}
