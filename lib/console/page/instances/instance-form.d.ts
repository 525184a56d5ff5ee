/** Made by the build: see build.js. */
declare module 'instance-form' {
  const form: {
    readonly schema: { readonly oneOf: readonly import('./fields.ts').ObjectSchema[] }
    readonly secretFields: readonly string[]
    readonly addressFields: readonly string[]
    readonly hints: Readonly<Record<string, string>>
  }
  export default form
}
