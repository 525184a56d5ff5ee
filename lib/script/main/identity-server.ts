/** The implementation of `identityServer`. */
export interface ServerProperties {
  /**
   * The value of a property; undefined when it is not defined.
   * @param substitute whether `&{…}` inside the value is resolved
   * @throws ResourceException 403 for a property that scripts may not read
   */
  property(name: string, substitute: boolean): string | undefined
  /** Absolute directories. */
  readonly locations: Readonly<Record<'install' | 'project' | 'working', string>>
}
