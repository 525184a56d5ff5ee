import type { ConfigurationService, JsonObject } from '../../../lib/contract.ts'

/** A configuration that never changes: `content` as `managed.json`; none of it unless given. */
export const fixedConfiguration = (content?: object): ConfigurationService => ({
  subscribe: async (consumer) => {
    const object = { id: 'managed', alias: null, file: 'managed.json', content: content as JsonObject }
    await consumer.apply(content ? [object] : [])
    return { dispose: () => undefined }
  },
})
