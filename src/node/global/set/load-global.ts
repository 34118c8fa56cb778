/** Loads the code of a Global ahead of the time at which a standby becomes one. */

/**
 * Loads what a Global on disk consists of, so that a later `openNode` need not wait for that. Once
 * bundled, it is in one file with `openNode`: Node looks for a file again when another one imports
 * it, and an upgrade may have replaced all of them while this process stands by.
 */
export async function loadGlobal(): Promise<void> {
  await Promise.all([
    import('../../../network/libp2p-network.ts'),
    import('../../../network/lane/lane-network.ts'),
    import('../../../network/identity.ts'),
    import('../../../store/disk/disk.ts'),
    import('../../../store/disk/drop-store.ts'),
  ])
}
