/** Maps of bounded size: the least recently used entry makes room, and an entry may have a `ttl` in milliseconds. */
export { LRUCache } from 'lru-cache'
