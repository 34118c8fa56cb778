/** `Promise.withResolvers`, which libp2p uses and Node 20 lacks. Import before libp2p. */

interface Resolvers {
  promise: Promise<unknown>
  resolve: (value: unknown) => void
  reject: (reason: unknown) => void
}

const constructor = Promise as { withResolvers?: () => Resolvers }

constructor.withResolvers ??= function withResolvers(): Resolvers {
  const resolvers = {} as Resolvers
  resolvers.promise = new Promise((resolve, reject) => {
    resolvers.resolve = resolve
    resolvers.reject = reject
  })
  return resolvers
}
