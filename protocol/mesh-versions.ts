/** Where links are, and in what versions of the mesh protocol nodes speak over them. */

/** The WebSocket subprotocol of links. */
export const MESH_SUBPROTOCOL = 'troupe.mesh.v1';
/** The one path that they are at. */
export const MESH_PATH = '/mesh';

/** Versions from `min` to `max`. */
export interface MeshProtocols {
  readonly min: number;
  readonly max: number;
}

/** Versions that this product speaks: its own, and the one before where there is one. */
export const MESH_PROTOCOLS: MeshProtocols = Object.freeze({ min: 1, max: 1 });

/** The highest version that both speak; undefined where there is none. */
export function agreedProtocol(one: MeshProtocols, other: MeshProtocols): number | undefined {
  const highest = Math.min(one.max, other.max);
  return highest >= Math.max(one.min, other.min) ? highest : undefined;
}
