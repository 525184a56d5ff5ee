/** What stands behind `identityServer`. */
export interface ServerProperties {
  /**
   * The value of a property; undefined when nothing defines it, or when it may hold a secret.
   * @param substitute whether `&{…}` inside the value is resolved
   */
  property(name: string, substitute: boolean): string | undefined
  /** Absolute directories. */
  readonly locations: Readonly<Record<'install' | 'project' | 'working', string>>
}
