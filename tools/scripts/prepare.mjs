console.log('prepare: placeholder');
