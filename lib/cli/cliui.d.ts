/** cliui ships no types. */
declare module 'cliui' {
  interface Column {
    readonly text: string
    /** With its padding; columns without a width share what remains. */
    readonly width?: number
    readonly align?: 'right'
    /** Top, right, bottom, left. */
    readonly padding?: readonly [number, number, number, number]
  }
  interface Layout {
    div(...columns: Column[]): void
    toString(): string
  }
  export default function cliui(options: { readonly width: number; readonly wrap: boolean }): Layout
}
