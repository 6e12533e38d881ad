// The functions of libsodium (compiled to WASM) that chains/ed25519.ts calls; the package has no types of its own.
declare module "libsodium-sumo" {
  /** Pointers are offsets into HEAPU8, which is replaced when memory grows. */
  export interface Sodium {
    readonly HEAPU8: Uint8Array;
    _malloc(length: number): number;
    _crypto_scalarmult_ed25519_base_noclamp(point: number, scalar: number): number;
    _crypto_core_ed25519_scalar_reduce(scalar: number, wide: number): void;
    _crypto_core_ed25519_scalar_mul(product: number, x: number, y: number): void;
    _crypto_core_ed25519_scalar_add(sum: number, x: number, y: number): void;
    _crypto_core_ed25519_add(sum: number, p: number, q: number): number;
    _crypto_sign_ed25519_verify_detached(
      signature: number,
      message: number,
      low: number,
      high: number,
      publicKey: number,
    ): number;
    _crypto_hash_sha512(digest: number, message: number, high: number, low: number): number;
    _crypto_generichash(
      digest: number,
      length: number,
      message: number,
      low: number,
      high: number,
      key: number,
      keyLength: number,
    ): number;
  }
  export default function load(): Promise<Sodium>;
}
