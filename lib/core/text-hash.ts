/** FNV-1a, in the 30 bits of a small integer. For sets that tolerate a rare collision, never for security. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash & 0x3fffffff
}
