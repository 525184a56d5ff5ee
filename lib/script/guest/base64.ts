/** `btoa` and `atob` for Latin-1, as in browsers. */
export function makeBase64() {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

  const btoa = (value: unknown): string => {
    const text = String(value)
    let encoded = ''
    for (let at = 0; at < text.length; at += 3) {
      const [a, b, c] = [text.charCodeAt(at), text.charCodeAt(at + 1), text.charCodeAt(at + 2)]
      if (a > 255 || b > 255 || c > 255) throw new Error('btoa: the text has characters outside of Latin-1')
      const bits = (a << 16) | ((b || 0) << 8) | (c || 0)
      const digits = [18, 12, 6, 0].map((shift) => ALPHABET[(bits >> shift) & 63])
      const padding = Math.max(0, at + 3 - text.length)
      encoded += digits.slice(0, 4 - padding).join('') + '='.repeat(padding)
    }
    return encoded
  }

  const atob = (value: unknown): string => {
    const packed = String(value).replace(/[\t\n\f\r ]/g, '')
    const digits = packed.length % 4 === 0 ? packed.replace(/={1,2}$/, '') : packed
    if (digits.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(digits)) throw new Error('atob: the text is not base64')
    let decoded = ''
    let bits = 0
    let held = 0
    for (const digit of digits) {
      bits = ((bits << 6) | ALPHABET.indexOf(digit)) & 0xffffff
      held += 6
      if (held < 8) continue
      held -= 8
      decoded += String.fromCharCode((bits >> held) & 255)
    }
    return decoded
  }
  return { btoa, atob }
}
