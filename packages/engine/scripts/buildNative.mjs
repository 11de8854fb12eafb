console.log('native kernels: not built yet');
