/**
 * The GPU: our own adapter and device, so that a lost one can be noticed and replaced. Nothing here knows the runtime
 * that computes on it.
 */
import { StudioError } from '../errors';

export interface Gpu {
  readonly device: GPUDevice;
  /** The adapter in words, e.g. `nvidia ampere`. */
  readonly detail: string;
  /** Set once the device is lost. */
  readonly lost: { reason?: string };
}

/** Adapters that compute on the CPU: correct, and 20 to 100 times slower than WASM. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

/** Features that the runtime uses when they are there. */
const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups'];

function unavailable(message: string, cause?: unknown): StudioError {
  return new StudioError({
    code: 'webgpu-unavailable',
    message,
    remedy: 'Use a browser with WebGPU, or open the studio without ?ep=webgpu to compute on the CPU.',
    cause,
  });
}

/**
 * An adapter's device with the adapter's own limits.
 * @param acceptSoftware whether an adapter that computes on the CPU will do.
 * @throws StudioError `webgpu-unavailable` whose message says why.
 */
export async function openGpu(acceptSoftware: boolean): Promise<Gpu> {
  // Absent in older browsers, whatever the type says.
  const api = navigator.gpu as GPU | undefined;
  if (!api) throw unavailable('This browser has no WebGPU.');
  let adapter: GPUAdapter | null;
  try {
    adapter = await api.requestAdapter({ powerPreference: 'high-performance' });
  } catch (thrown) {
    throw unavailable('WebGPU failed to start.', thrown);
  }
  if (!adapter) throw unavailable('WebGPU found no graphics adapter.');

  const { vendor, architecture, device: model, description, isFallbackAdapter } = adapter.info;
  const words = [vendor, architecture, model, description].filter(Boolean).join(' ');
  if (!acceptSoftware && (isFallbackAdapter || SOFTWARE.test(words))) {
    throw unavailable(
      `WebGPU is emulated in software here${words ? ` (${words})` : ''}, which is slower than WASM.`,
    );
  }

  const { limits } = adapter;
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
        maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
        maxComputeWorkgroupSizeZ: limits.maxComputeWorkgroupSizeZ,
        maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      },
    });
  } catch (thrown) {
    throw unavailable('The graphics adapter gave no device.', thrown);
  }
  const lost: Gpu['lost'] = {};
  void device.lost.then((info) => {
    lost.reason = info.message || info.reason;
  });
  return { device, detail: words || 'unnamed adapter', lost };
}
